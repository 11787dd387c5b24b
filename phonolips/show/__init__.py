"""What can be seen: drawings, films, plots and pages."""
