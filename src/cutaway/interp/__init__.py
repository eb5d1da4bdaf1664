"""Recording, patching and ablating through taps."""
