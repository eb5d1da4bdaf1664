"""How fast is the engine? Beside the engines of others, on the shape of GPT-2 124M."""
