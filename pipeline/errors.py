"""Errors that a user can act on: each is one line saying what is wrong, where, and what to do."""


class UserError(Exception):
    """Base of all errors that the command line prints as one line, without a traceback."""

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


class ConfigError(UserError):
    """The configuration is wrong; the message starts with the key's path."""


class ArtifactError(UserError):
    """A file that nasflow wrote (or should have written) is missing, damaged or of another kind."""


class DataError(UserError):
    """Input from outside (images, benchmark files) is not what it should be."""
