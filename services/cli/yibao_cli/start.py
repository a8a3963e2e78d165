"""Starts the `yibao` command; who interrupts it while it loads gets no traceback."""

import signal


def main() -> None:
    """Loads and runs the command line."""
    # A program that was started with Ctrl-C ignored goes on to ignore it.
    takes_interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if takes_interrupts:
        # Nothing is begun yet: the process may just end, as by a signal that nobody handles.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from yibao_cli.main import command_line
    from yibao_cli.main import main as run

    made = command_line()
    if takes_interrupts:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run(made)
