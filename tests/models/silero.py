"""The voice activity detector in its variants: NAME -> the sampling rates that it takes."""
VARIANTS = {'silero_vad': (16000, 8000), 'silero_vad_16k_op15': (16000,), 'silero_vad_op18_ifless': (16000, 8000), 'silero_vad_half': (16000,)}
