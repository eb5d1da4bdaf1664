"""Text in, ids out, and back without a loss: GPT-2's byte-level BPE.

Radford et al. 2019, section 2.2, after Sennrich et al. 2016: text is cut into words, a word begins
as its UTF-8 bytes, and the pair of neighbours that stands earliest in the vocabulary is merged,
again and again, until no pair is left. Because it begins with bytes, every text has ids and there
is no unknown word. What is no text (music) has a vocabulary of named words instead. Nothing here
knows torch or a model.
"""

from cutaway.tokenizers.bpe import Span, Tokenizer
from cutaway.tokenizers.explain import MergeStep, WordMerges
from cutaway.tokenizers.stream import StreamDecoder
from cutaway.tokenizers.words import WordTokenizer

__all__ = ["MergeStep", "Span", "StreamDecoder", "Tokenizer", "WordMerges", "WordTokenizer"]
