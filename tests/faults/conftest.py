"""Sandboxes for the services that are killed."""

from support.sandboxes import sandbox_folder as sandbox_folder
from support.sandboxes import sandbox_keys as sandbox_keys
