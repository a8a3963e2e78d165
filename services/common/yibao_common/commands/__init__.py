"""What carrying out a command needs beside its rules: the request, its answer, the audit."""
