"""One file per verb of the command line. Each function returns the verb's document, typed."""
