#!/usr/bin/python3
"""Writes the weights and the input of minimal.nfg beside itself."""
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import safetensors  # noqa: E402

safetensors.save(os.path.join(HERE, 'minimal.safetensors'), {'scale': np.float32([0.5, 2, -1])})
np.save(os.path.join(HERE, 'x.npy'), np.float32([1, 2, 3]))
