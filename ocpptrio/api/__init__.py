"""The API of a central system over HTTP."""
