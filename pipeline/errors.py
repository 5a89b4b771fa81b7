"""Errors that a user can act on: each is one line saying what is wrong, where, and what to do."""

LONGEST = 2000  # characters of a message


class UserError(Exception):
    """Base of all errors that the command line prints as one line, without a traceback."""

    def __init__(self, message: str):
        line = " ".join(str(message).split())
        if len(line) > LONGEST:  # it may quote a file
            line = f"{line[: LONGEST - 500]} … {line[-490:]}"
        super().__init__(line)


class ConfigError(UserError):
    """The configuration is wrong; the message starts with the key's path."""


class ArtifactError(UserError):
    """A file that nasflow wrote (or should have written) is missing, damaged or of another kind."""


class DataError(UserError):
    """Input from outside (images, benchmark files) is not what it should be."""
