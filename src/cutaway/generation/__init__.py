"""From logits to text: filters, the decode loop, stopping, beams."""
