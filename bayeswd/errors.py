"""The one exception raised for input that cannot be worked with."""


class InputError(ValueError):
    """What was asked, what was found and what to do, in one line.

    The command line prints the message without a traceback and exits with 2.
    """
