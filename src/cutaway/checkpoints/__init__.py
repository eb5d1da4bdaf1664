"""Files to models and back; models never know about files."""
