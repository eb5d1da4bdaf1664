"""Text from ids that arrive one by one."""

import codecs
from collections.abc import Callable

__all__ = ["StreamDecoder"]

_utf8_decoder = codecs.getincrementaldecoder("utf-8")


class StreamDecoder:
    """Turns ids into text as they come, whole characters only.

    A token may end in the middle of a character; those bytes wait for the next token. What all
    calls return, joined, is what ``Tokenizer.decode`` returns for all ids at once.

    >>> from cutaway.tokenizers import Tokenizer
    >>> stream = Tokenizer.gpt2().stream_decoder()
    >>> [stream.push(id) for id in (19526, 254, 25001, 121)]
    ['', '你', '', '好']
    """

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._decoder = _utf8_decoder(errors="replace")

    def push(self, id: int) -> str:
        """The characters that ``id`` completes; often none.

        Raises:
            TokenizerError: if the vocabulary has no such id; the stream is as it was before.
        """
        return self._decoder.decode(self._token_bytes(id))

    def flush(self) -> str:
        """Ends the text: bytes that never became a character come out as U+FFFD."""
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return text
