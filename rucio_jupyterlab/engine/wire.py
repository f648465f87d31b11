"""Lines of the engine's socket, to and from structs. No I/O here."""

from __future__ import annotations

from typing import Any, Union

import msgspec

from ..errors import BadRequest, Problem, Remote
from . import protocol

ASK_LIMIT = 16 * 1024 * 1024
ANSWER_LIMIT = 256 * 1024 * 1024
"""Bytes in one line; a longer one ends the connection."""

_encoder = msgspec.json.Encoder()
_ask_decoder = msgspec.json.Decoder(protocol.Ask)
_request_decoder = msgspec.json.Decoder(Union[tuple(protocol.REPLIES)])  # noqa: UP007
_answer_decoder = msgspec.json.Decoder(protocol.Answer)
_reply_decoders: dict[type[protocol.Request], msgspec.json.Decoder[Any]] = {
    request: msgspec.json.Decoder(reply) for request, reply in protocol.REPLIES.items()
}


def encode_ask(number: int, request: protocol.Request) -> bytes:
    """Raises BadRequest where a text of it is none, as a file's name from a disk may be."""
    try:
        ask = protocol.Ask(number, msgspec.Raw(_encoder.encode(request)))
    except UnicodeEncodeError as error:
        raise BadRequest("A name in the question is not UTF-8, which Rucio's names are.") from error
    return _encoder.encode(ask) + b"\n"


def decode_ask(line: bytes) -> protocol.Ask:
    """The question's envelope. Raises BadRequest on anything else."""
    try:
        return _ask_decoder.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest("This is not a question that the engine understands.") from error


def decode_request(body: msgspec.Raw) -> protocol.Request:
    """What is asked. Raises BadRequest, naming the field but not its value."""
    try:
        request: protocol.Request = _request_decoder.decode(body)
    except msgspec.DecodeError as error:
        raise BadRequest(f"The engine does not understand the question: {error}.") from error
    return request


def encode_reply(number: int, reply: msgspec.Struct) -> bytes:
    answer = protocol.Answer(number, msgspec.Raw(_encoder.encode(reply)))
    return _encoder.encode(answer) + b"\n"


def encode_problem(number: int, problem: Problem) -> bytes:
    return _encoder.encode(protocol.Answer(number, problem=problem)) + b"\n"


def decode_answer(line: bytes) -> protocol.Answer:
    """Raises msgspec.DecodeError where the other side speaks another language."""
    return _answer_decoder.decode(line)


def decode_reply(request: type[protocol.Request], answer: protocol.Answer) -> Any:
    """The reply, of the type that `REPLIES` gives for the request. Raises the failure that came instead."""
    if answer.problem:
        raise Remote(answer.problem)
    return _reply_decoders[request].decode(answer.reply)
