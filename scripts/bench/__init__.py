"""Development tools that measure what tables in the repository show; not part of what is installed."""
