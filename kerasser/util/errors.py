"""The one error that is the user's to mend."""


class InputError(ValueError):
    """Bad input: a file, a field or an option that cannot be used.

    The message is one line that names the file or field, says what was expected, and ends with
    what was received. Commands print it alone and exit with status 2.
    """


class UnfinishedError(InputError):
    """Bad input that does not spoil what was made before it: a server that went away, a limit that was reached.

    The same command goes on from there once that is mended.
    """
