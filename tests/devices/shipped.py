"""The descriptions that the compiler carries, as tests change them for themselves."""
import json
import subprocess


def shipped(nfc, name):
    """A description with all that its bases say."""
    return json.loads(subprocess.run([str(nfc), "devices", name, "--json"], check=True, capture_output=True, text=True).stdout)
