"""What public servers really send: the ends of a model's window, refused parameters, and streams, in their own words.

The messages are those of bug reports and of the servers' pages. Each table names the server.
"""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import pytest
from loopback import ASK_CHAT, HEAD, answer_of, answering, collect, event, status

from hybrid_lsp.backends import dialects, learning
from hybrid_lsp.backends.calls import Call
from hybrid_lsp.backends.failures import Refusal
from hybrid_lsp.errors import BackendError
from hybrid_lsp.types import Finish


def refusal(answered: int, body: Any) -> Refusal:
    return Refusal(answered, dialects.error_text(body), body)


def E(message: Any, **more: Any) -> dict[str, Any]:  # noqa: N802
    return {"error": {"message": message, **more}}


# Server, status, answer, and the sizes of window and prompt that it tells.
LONG = [
    (
        "openai",
        400,
        E(
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9012 tokens. Please reduce the length of the messages.",
            code="context_length_exceeded",
        ),
        (8192, 9012),
    ),
    (
        "openai2",
        400,
        E(
            "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (7976 in the messages, 1024 in the completion). Please reduce the length of the messages or completion."
        ),
        (8192, 7976),
    ),
    (
        "vllm new",
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens in total (3976 input tokens and 1024 output tokens). Please reduce...",
            "type": "BadRequestError",
            "code": 400,
        },
        (4096, 3976),
    ),
    (
        "vllm max_tokens",
        400,
        E(
            "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 4096 tokens and your request has 300 input tokens (4096 > 4096 - 300). None"
        ),
        (4096, 300),
    ),
    (
        "vllm prompt",
        400,
        E(
            "The decoder prompt (length 9001) is longer than the maximum model length of 8192. Make sure that `max_model_len` is no smaller than the number of text tokens."
        ),
        (8192, 9001),
    ),
    (
        "lmstudio",
        400,
        {
            "error": "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context length of only 8192 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input"
        },
        (8192, 15857),
    ),
    (
        "lmstudio mid",
        400,
        {
            "error": "Reached context length of 4096 tokens with model (arch: qwen3) that does not currently support mid-generation context overflow."
        },
        (4096, None),
    ),
    ("lmstudio mlx", 400, {"error": "Context size has been exceeded."}, (None, None)),
    (
        "llama.cpp",
        400,
        E(
            "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
            type="exceed_context_size_error",
            n_prompt_tokens=5000,
            n_ctx=4096,
        ),
        (4096, 5000),
    ),
    (
        "llama.cpp old",
        500,
        E("the request exceeds the available context size. try increasing the context size or enable context shift"),
        (None, None),
    ),
    ("llama-cpp-python", 400, E("Requested tokens (5000) exceed context window of 2048"), (2048, 5000)),
    (
        "tgi",
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3900 `inputs` tokens and 1024 `max_new_tokens`",
            "error_type": "validation",
        },
        (4096, 3900),
    ),
    (
        "tgi inputs",
        422,
        {
            "error": "Input validation error: `inputs` must have less than 3072 tokens. Given: 5000",
            "error_type": "validation",
        },
        (3072, 5000),
    ),
    (
        "groq",
        413,
        E(
            "Request too large for model `llama-3.1-8b-instant` in organization `org_x` on tokens per minute (TPM): Limit 6000, Requested 8000, please reduce your message size and try again."
        ),
        (None, None),
    ),
    (
        "groq context",
        400,
        E("Please reduce the length of the messages or completion.", code="context_length_exceeded"),
        (None, None),
    ),
    (
        "mistral",
        400,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            "type": "invalid_request_error",
            "code": "3051",
        },
        (32768, 40000),
    ),
    (
        "together",
        422,
        E(
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8000 `inputs` tokens and 1024 `max_new_tokens`"
        ),
        (8193, 8000),
    ),
    (
        "together2",
        400,
        E("The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
        (8192, 9000),
    ),
    (
        "fireworks",
        400,
        {
            "error": {
                "object": "error",
                "type": "invalid_request_error",
                "message": "The prompt is too long: 9000, model maximum context length: 8192",
            }
        },
        (8192, 9000),
    ),
    (
        "deepseek",
        400,
        E(
            "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (65976 in the messages, 4024 in the completion). Please reduce the length of the messages or completion."
        ),
        (65536, 65976),
    ),
    (
        "openrouter",
        400,
        E(
            'This endpoint\'s maximum context length is 8192 tokens. However, you requested about 9100 tokens (8076 of text input, 1024 in the output). Please reduce the length of either one, or use the "middle-out" transform to compress your prompt automatically.'
        ),
        (8192, 8076),
    ),
    (
        "anthropic",
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 208310 tokens > 200000 maximum"},
        },
        (200000, 208310),
    ),
    (
        "anthropic2",
        400,
        {
            "type": "error",
            "error": {
                "message": "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"
            },
        },
        (200000, 190000),
    ),
    (
        "gemini",
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
        (1048576, 1200000),
    ),
    (
        "cloudflare",
        413,
        {
            "errors": [
                {
                    "message": "AiError: The estimated number of input and maximum output tokens (9000) exceeded this model context window limit (8192).",
                    "code": 5021,
                }
            ],
            "success": False,
            "result": {},
        },
        (8192, None),
    ),
    (
        "sglang",
        400,
        {
            "object": "error",
            "message": "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
            "type": "BadRequestError",
            "code": 400,
        },
        (8192, 9000),
    ),
    (
        "sglang2",
        400,
        {
            "object": "error",
            "message": "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of 9024 tokens: 8000 tokens from the input messages and 1024 tokens for the completion.",
        },
        (8192, 8000),
    ),
    (
        "litellm",
        400,
        E(
            "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - This model's maximum context length is 4097 tokens. However, your messages resulted in 5000 tokens."
        ),
        (4097, 5000),
    ),
    (
        "azure resp",
        400,
        E(
            "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens. Please reduce the length of the messages.",
            code="context_length_exceeded",
        ),
        (272000, 300000),
    ),
    (
        "koboldcpp",
        400,
        {"detail": {"msg": "Prompt is too long for the context size", "type": "bad_input"}},
        (None, None),
    ),
    ("ollama", 400, {"error": "the input length exceeds the context length"}, (None, None)),
    ("tabby", 422, {"detail": "Prompt length 5000 is greater than max_seq_len 4096"}, (4096, 5000)),
    ("bedrock", 400, {"message": "Input is too long for requested model."}, (None, None)),
    (
        "cohere",
        400,
        {
            "message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try using a shorter prompt"
        },
        (4081, 5000),
    ),
    (
        "xai",
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        },
        (131072, 140000),
    ),
    (
        "jan",
        400,
        E("request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"),
        (4096, 5000),
    ),
    ("mlx_lm", 400, {"error": "Prompt length exceeds maximum context length"}, (None, None)),
    ("openvino", 400, {"error": "Number of prompt tokens: 5000 exceeds model max length: 4096"}, (4096, 5000)),
]
NOT_LONG = [
    (
        429,
        E(
            "Rate limit reached for model in organization on tokens per min (TPM): Limit 6000, Used 5000, Requested 2000."
        ),
    ),
    (400, E("Invalid 'messages[0].content': expected a string.")),
    (404, E("The model `x` does not exist")),
    (
        400,
        E(
            "max_tokens is too large: 9000. This model supports at most 4096 completion tokens, whereas you provided 9000."
        ),
    ),
    (401, E("Incorrect API key provided")),
]


@pytest.mark.parametrize(("answered", "body", "sizes"), [row[1:] for row in LONG], ids=[row[0] for row in LONG])
def test_a_prompt_that_is_too_long_is_known_with_the_sizes(
    answered: int, body: Any, sizes: tuple[int | None, int | None]
) -> None:
    told = refusal(answered, body)
    assert told.is_too_long
    assert answered == 413 or learning._sizes(told) == sizes


@pytest.mark.parametrize(("answered", "body"), NOT_LONG)
def test_other_refusals_are_not_taken_for_one(answered: int, body: Any) -> None:
    assert not refusal(answered, body).is_too_long


BODY = {
    "model": "m",
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
    "max_tokens": 2048,
    "temperature": 0.2,
    "stream": True,
    "stop": ["x"],
    "stream_options": {"include_usage": True},
    "response_format": {"type": "json_schema", "json_schema": {}},
    "logprobs": True,
    "seed": 1,
    "top_p": 0.9,
}
# Server, status, answer, and what is learnt of it.
PAR = [
    (
        "o1 max",
        400,
        E(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            param="max_tokens",
            code="unsupported_parameter",
        ),
        ("renamed", "max_tokens"),
    ),
    (
        "o1 temp",
        400,
        E(
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
            param="temperature",
        ),
        ("left", "temperature"),
    ),
    (
        "o1 system",
        400,
        E("Unsupported value: 'messages[0].role' does not support 'system' with this model.", param="messages[0].role"),
        ("folds", None),
    ),
    ("gemma system", 400, E("System role not supported"), ("folds", None)),
    (
        "mistral alternate",
        400,
        E("Conversation roles must alternate user/assistant/user/assistant/..."),
        ("folds", None),
    ),
    (
        "jinja",
        500,
        E('Error rendering prompt with jinja template: "Only user and assistant roles are supported!".'),
        ("folds", None),
    ),
    ("groq logprobs", 400, E("'logprobs' is not supported with this model", param="logprobs"), ("left", "logprobs")),
    (
        "groq schema",
        400,
        E(
            "This model does not support response format `json_schema`. See supported models at https://console.groq.com/docs/structured-outputs#supported-models"
        ),
        ("left", "response_format"),
    ),
    ("deepseek schema", 400, E("This response_format type is unavailable now"), ("left", "response_format")),
    (
        "deepseek word json",
        400,
        E("Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."),
        ("left", "response_format"),
    ),
    (
        "lmstudio rf",
        400,
        {"error": "'response_format.type' must be 'json_schema' or 'text'"},
        ("left", "response_format"),
    ),
    (
        "mistral extra",
        422,
        {
            "object": "error",
            "message": {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "stream_options"],
                        "msg": "Extra inputs are not permitted",
                        "input": {},
                    }
                ]
            },
            "type": "invalid_request_error",
        },
        ("left", "stream_options"),
    ),
    (
        "mistral extra2",
        422,
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
        ("left", "seed"),
    ),
    (
        "azure stream_options",
        400,
        E("Unrecognized request argument supplied: stream_options", type="invalid_request_error"),
        ("left", "stream_options"),
    ),
    (
        "vllm stream_options",
        400,
        {
            "object": "error",
            "message": "[{'type': 'value_error', 'loc': ('body',), 'msg': 'Value error, Stream options can only be defined when `stream=True`.'}]",
        },
        ("left", "stream_options"),
    ),
    (
        "tgi stop",
        422,
        {
            "error": "Input validation error: `stop` supports up to 4 stop sequences. Given: 9",
            "error_type": "validation",
        },
        ("left", "stop"),
    ),
    (
        "grok stop",
        400,
        {"error": "Model grok-4 does not support parameter stop.", "code": "Client specified an invalid argument"},
        ("left", "stop"),
    ),
    (
        "grok penalty",
        400,
        {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: stop"},
        ("left", "stop"),
    ),
    (
        "anthropic both",
        400,
        {
            "type": "error",
            "error": {
                "message": "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
            },
        },
        ("left", "temperature"),
    ),
    ("anthropic top_p", 400, {"error": {"message": "top_p: Extra inputs are not permitted"}}, ("left", "top_p")),
    (
        "fireworks",
        400,
        {"error": {"message": "Extra inputs are not permitted, field: 'seed', value: 1"}},
        ("left", "seed"),
    ),
    (
        "litellm unsupported",
        400,
        E(
            "litellm.UnsupportedParamsError: groq does not support parameters: ['seed', 'logprobs'], for model=x. To drop these, set `litellm.drop_params=True`"
        ),
        ("left", "seed"),
    ),
    (
        "openai most",
        400,
        E(
            "max_tokens is too large: 2048. This model supports at most 1024 completion tokens, whereas you provided 2048."
        ),
        ("most", 1024),
    ),
    (
        "anthropic most",
        400,
        E("max_tokens: 2048 > 1024, which is the maximum allowed number of output tokens for claude"),
        ("most", 1024),
    ),
    ("deepseek most", 400, E("Invalid max_tokens value, the valid range of max_tokens is [1, 1024]"), ("most", 1024)),
    (
        "groq most",
        400,
        E(
            "`max_tokens` must be less than or equal to `1024`, the maximum value for `max_tokens` is less than the `context_window` for this model"
        ),
        ("most", 1024),
    ),
    ("together most", 400, E("max_new_tokens must be at most 1024"), ("most", 1024)),
    (
        "tgi most",
        422,
        {"error": "Input validation error: `max_new_tokens` must be <= 1024. Given: 2048"},
        ("most", 1024),
    ),
    (
        "cohere temp",
        400,
        {"message": "invalid request: temperature must be between 0 and 0.1 inclusive"},
        ("left", "temperature"),
    ),
    (
        "o3 stream",
        400,
        E(
            "Your organization must be verified to stream this model. Please go to: https://platform.openai.com",
            param="stream",
            code="unsupported_value",
        ),
        ("nostream", None),
    ),
    ("bedrock stream", 400, {"message": "The model is unsupported for streaming"}, ("nostream", None)),
    ("hf", 400, {"error": ["Error in `parameters.top_p`: `top_p` must be > 0.0 and < 1.0"]}, ("left", "top_p")),
    ("koboldcpp", 422, {"detail": [{"loc": ["logprobs"], "msg": "bool not allowed"}]}, ("left", "logprobs")),
    (
        "tabby",
        422,
        {
            "detail": [
                {
                    "type": "literal_error",
                    "loc": ["body", "response_format", "type"],
                    "msg": "Input should be 'text' or 'json_object'",
                }
            ]
        },
        ("left", "response_format"),
    ),
    (
        "zhipu",
        400,
        {"error": {"code": "1210", "message": "API 调用参数有误，temperature 参数非法"}},
        ("left", "temperature"),
    ),
    (
        "perplexity",
        400,
        {
            "error": {
                "message": "[\"At body -> response_format -> type: Input should be 'json_schema'\"]",
                "type": "invalid_parameter",
            }
        },
        ("left", "response_format"),
    ),
]


@pytest.mark.parametrize(("answered", "body", "learnt"), [row[1:] for row in PAR], ids=[row[0] for row in PAR])
def test_a_refused_parameter_is_learnt_from_the_words(answered: int, body: Any, learnt: tuple[str, Any]) -> None:
    known = learning.Learnt()
    assert known.learn(refusal(answered, body), Call("/v1/chat/completions", dict(BODY)))
    kind, what = learnt
    sent = known.fit(Call("/v1/chat/completions", dict(BODY))).body
    told = {
        "left": lambda: what not in sent,
        "renamed": lambda: what not in sent and sent["max_completion_tokens"] == BODY["max_tokens"],
        "folds": lambda: [each["role"] for each in sent["messages"]] == ["user"],
        "most": lambda: sent["max_tokens"] == what,
        "nostream": lambda: sent["stream"] is False,
    }
    assert told[kind]()


DONE = b"data: [DONE]\n\n"
T = "It is so."


def d(delta: dict[str, Any], fin: Any = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": fin, **more}
    return {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}


def ev(*events: Any) -> bytes:
    return HEAD + b"".join(map(event, events))


# Server, what it sends, the answer ("ERR": an error), its thinking, its end.
SHAPES = [
    (
        "azure filter first+last",
        ev(
            {"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]},
            d({"role": "assistant", "content": None, "refusal": None}),
            d({"content": T}),
            d({}, "stop"),
            {"choices": [], "usage": {"total_tokens": 3}},
        )
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "azure async filter",
        ev(
            d({"content": T}),
            {
                "id": "",
                "object": "",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": None,
                        "content_filter_results": {},
                        "content_filter_offsets": {"check_offset": 1},
                    }
                ],
            },
            d({}, "stop"),
        )
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "openrouter",
        HEAD
        + b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"
        + event(
            d(
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning": "Hm",
                    "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}],
                },
                None,
                native_finish_reason=None,
            )
        )
        + event(d({"content": T}))
        + event(d({"content": ""}, "stop", native_finish_reason="STOP"))
        + event({"choices": [d({"content": ""})["choices"][0]], "usage": {}})
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    (
        "groq x_groq",
        ev(
            d({"role": "assistant", "content": ""}) | {"x_groq": {"id": "r"}},
            d({"reasoning": "Hm", "channel": "analysis"}),
            d({"content": T}),
            d({}, "stop") | {"x_groq": {"id": "r", "usage": {}}},
        )
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    (
        "groq error in x_groq",
        ev(d({"content": "It"}), d({}, "error") | {"x_groq": {"error": "over capacity"}}) + DONE,
        "ERR",
        "",
        None,
    ),
    (
        "mistral think parts",
        ev(
            d({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]}),
            d({"content": [{"type": "thinking", "thinking": [], "closed": True}]}),
            d({"content": T}),
            d({"content": ""}, "stop"),
        )
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    (
        "mistral ref parts",
        ev(
            d(
                {
                    "content": [
                        {"type": "text", "text": "It is "},
                        {"type": "reference", "reference_ids": [1]},
                        {"type": "text", "text": "so."},
                    ]
                }
            ),
            d({"content": ""}, "stop"),
        )
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "deepseek nulls",
        ev(
            d({"role": "assistant", "content": None, "reasoning_content": ""}),
            d({"content": None, "reasoning_content": "Hm"}),
            d({"content": T, "reasoning_content": None}),
            d({"content": "", "reasoning_content": None}, "stop"),
        )
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    (
        "deepseek keepalive",
        HEAD + b": keep-alive\n\n" + event(d({"content": T})) + b": keep-alive\n\n" + event(d({}, "stop")) + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "vllm reasoning",
        ev(
            d({"role": "assistant", "content": ""}),
            d({"reasoning": "Hm", "reasoning_content": "Hm"}),
            d({"content": T}),
            d({"content": ""}, "stop", stop_reason=None, token_ids=None),
        )
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    ("vllm abort", ev(d({"content": "It"}), d({}, "abort")) + DONE, "ERR", "", None),
    (
        "vllm error chunk",
        ev(
            d({"content": "It"}),
            {
                "error": {
                    "object": "error",
                    "message": "EngineCore died",
                    "type": "InternalServerError",
                    "param": None,
                    "code": 500,
                }
            },
        )
        + DONE,
        "ERR",
        "",
        None,
    ),
    (
        "vllm old error",
        ev(
            d({"content": "It"}),
            {"object": "error", "message": "boom", "type": "InternalServerError", "param": None, "code": 500},
        )
        + DONE,
        "ERR",
        "",
        None,
    ),
    (
        "tgi error",
        ev(
            d({"content": "It"}),
            {"error": "Request failed during generation: Server error: CUDA OOM", "error_type": "generation"},
        ),
        "ERR",
        "",
        None,
    ),
    (
        "tgi eos",
        ev(d({"role": "assistant", "content": T}), d({"role": "assistant", "content": ""}, "eos_token")) + DONE,
        T,
        "",
        Finish.STOP,
    ),
    ("tgi stop_sequence", ev(d({"content": T}), d({"content": ""}, "stop_sequence")) + DONE, T, "", Finish.STOP),
    (
        "lmstudio error event",
        HEAD
        + event(d({"content": "It"}))
        + b'event: error\ndata: {"error":{"message":"The model has crashed without additional information. (Exit code: 6)"}}\n\n',
        "ERR",
        "",
        None,
    ),
    (
        "lmstudio 200 error",
        status("200 OK", b'{"error":"Unexpected endpoint or method. (POST /chat/completions)"}'),
        "ERR",
        "",
        None,
    ),
    (
        "ollama v1 error",
        ev(
            d({"content": "It"}),
            {
                "error": {
                    "message": "an error was encountered while running the model: unexpected EOF",
                    "type": "api_error",
                    "param": None,
                    "code": None,
                }
            },
        ),
        "ERR",
        "",
        None,
    ),
    (
        "ollama reasoning",
        ev(
            d({"role": "assistant", "content": "", "reasoning": "Hm"}),
            d({"role": "assistant", "content": T}),
            d({"role": "assistant", "content": ""}, "stop"),
        )
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    (
        "ollama usage inside",
        ev(d({"content": T}) | {"usage": None}, d({}, "stop") | {"usage": {"total_tokens": 4}}) + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "llama.cpp prompt_progress",
        ev(
            {
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}],
                "prompt_progress": {"total": 10, "processed": 5},
            },
            d({"content": T}),
            d({}, "stop") | {"timings": {}},
        )
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "llama.cpp error mid",
        HEAD
        + event(d({"content": "It"}))
        + b'error: {"code":500,"message":"context shift is disabled","type":"server_error"}\n\n',
        "ERR",
        "",
        None,
    ),
    (
        "llama.cpp error data",
        ev(d({"content": "It"}), {"error": {"code": 500, "message": "boom", "type": "server_error"}}),
        "ERR",
        "",
        None,
    ),
    (
        "litellm merge",
        ev(
            d(
                {
                    "content": "",
                    "role": "assistant",
                    "function_call": None,
                    "tool_calls": None,
                    "audio": None,
                    "thinking_blocks": [{"type": "thinking", "thinking": "Hm"}],
                    "reasoning_content": "Hm",
                },
                None,
                logprobs=None,
            ),
            d({"content": T, "tool_calls": None}),
            d({"content": None}, "stop"),
        )
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    (
        "litellm error string",
        HEAD
        + event(d({"content": "It"}))
        + b'data: {"error": {"message": "litellm.MidStreamFallbackError: boom", "type": null, "param": null, "code": "500"}}\n\n',
        "ERR",
        "",
        None,
    ),
    ("litellm bytes", HEAD + event(d({"content": "It"})) + b"data: Internal Server Error\n\n", "ERR", "", None),
    (
        "cloudflare native",
        HEAD
        + b'data: {"response":"It is "}\n\ndata: {"response":"so."}\n\ndata: {"response":"","usage":{"total_tokens":3}}\n\n'
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "cloudflare v1",
        ev(d({"content": T}), d({"content": ""}, "stop"), {"choices": [], "usage": {}}) + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "cloudflare 200 error",
        status(
            "200 OK",
            b'{"result":null,"success":false,"errors":[{"code":5007,"message":"No such model"}],"messages":[]}',
        ),
        "ERR",
        "",
        None,
    ),
    (
        "sglang matched_stop",
        ev(
            d({"role": "assistant", "content": "", "reasoning_content": None, "tool_calls": None}),
            d({"content": T}, None, matched_stop=None),
            d({"content": None}, "stop", matched_stop=151645),
        )
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "sglang error",
        ev(
            d({"content": "It"}),
            {"error": {"object": "error", "message": "aborted", "type": "abort", "param": None, "code": 503}},
        )
        + DONE,
        "ERR",
        "",
        None,
    ),
    (
        "koboldcpp",
        ev(
            {
                "id": "koboldcpp",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "koboldcpp/x",
                "choices": [{"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": T}}],
            },
            {"id": "koboldcpp", "choices": [{"index": 0, "finish_reason": "stop", "delta": {}}]},
        )
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "koboldcpp crlf event",
        (ev(d({"content": T}), d({}, "stop")) + DONE).replace(b"data: ", b"event: message\r\ndata: "),
        T,
        "",
        Finish.STOP,
    ),
    ("jan", ev(d({"content": T}), d({"content": ""}, "stop")) + b"data: [DONE]", T, "", Finish.STOP),
    (
        "tabby",
        ev(d({"role": "assistant", "content": T}), d({"content": ""}, "stop")) + b"data: [DONE]\r\n\r\n",
        T,
        "",
        Finish.STOP,
    ),
    (
        "tabby error",
        ev(
            d({"content": "It"}),
            {"error": {"message": "Chat completion aborted. Please check the server console.", "trace": None}},
        ),
        "ERR",
        "",
        None,
    ),
    (
        "together text both",
        ev(
            {
                "choices": [
                    {
                        "index": 0,
                        "text": "It is ",
                        "logprobs": None,
                        "finish_reason": None,
                        "seed": None,
                        "delta": {"token_id": 1, "role": "assistant", "content": "It is ", "tool_calls": None},
                    }
                ]
            },
            {"choices": [{"index": 0, "text": "so.", "finish_reason": None, "delta": {"content": "so."}}]},
            {"choices": [{"index": 0, "text": "", "finish_reason": "eos", "delta": {"content": ""}}], "usage": {}},
        )
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "fireworks",
        ev(d({"role": "assistant"}), d({"content": T}), d({}, "stop") | {"usage": {}}) + DONE,
        T,
        "",
        Finish.STOP,
    ),
    ("gemini compat", ev(d({"content": T, "role": "assistant"}, "STOP")) + DONE, T, "", Finish.STOP),
    (
        "gemini thought tag",
        ev(
            d(
                {
                    "content": "<thought>Hm</thought>",
                    "role": "assistant",
                    "extra_content": {"google": {"thought": True}},
                }
            ),
            d({"content": T}, "stop"),
        )
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    ("gemini max", ev(d({"content": T}, "MAX_TOKENS")) + DONE, T, "", Finish.LENGTH),
    ("tool calls alongside", ev(d({"content": T, "tool_calls": []}), d({}, "stop")) + DONE, T, "", Finish.STOP),
    (
        "n index 1 interleaved",
        ev({"choices": [{"index": 1, "delta": {"content": "No"}}]}, d({"content": T}), d({}, "stop")) + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "index null",
        ev(
            {"choices": [{"index": None, "delta": {"content": T}}]},
            {"choices": [{"index": None, "delta": {}, "finish_reason": "stop"}]},
        )
        + DONE,
        T,
        "",
        Finish.STOP,
    ),
    ("choices dict", ev({"choices": {"0": 1}}, d({"content": T}), d({}, "stop")) + DONE, T, "", Finish.STOP),
    ("DONE twice and after", ev(d({"content": T}), d({}, "stop")) + DONE + DONE, T, "", Finish.STOP),
    (
        "usage after DONE",
        ev(d({"content": T}), d({}, "stop")) + DONE + event({"choices": [], "usage": {}}),
        T,
        "",
        Finish.STOP,
    ),
    ("finish in content chunk", ev(d({"content": T}, "stop")) + DONE, T, "", Finish.STOP),
    ("finish chunk repeated", ev(d({"content": T}), d({}, "stop"), d({}, "stop")) + DONE, T, "", Finish.STOP),
    ("html 200", status("200 OK", b"<html><body>nginx</body></html>"), "ERR", "", None),
    (
        "error false",
        ev(d({"content": T}) | {"error": None}, d({}, "stop") | {"error": False}) + DONE,
        T,
        "",
        Finish.STOP,
    ),
    ("error empty dict", ev(d({"content": T}) | {"error": {}}, d({}, "stop")) + DONE, T, "", Finish.STOP),
    (
        "status ok",
        ev({"status": "ok", "choices": [{"index": 0, "delta": {"content": T}}]}, d({}, "stop")) + DONE,
        T,
        "",
        Finish.STOP,
    ),
    (
        "dashscope",
        ev(
            {"choices": [{"delta": {"content": None, "reasoning_content": "Hm"}, "index": 0}]},
            {"choices": [{"delta": {"content": T, "reasoning_content": None}, "index": 0}]},
            {"choices": [{"finish_reason": "stop", "delta": {"content": "", "reasoning_content": None}, "index": 0}]},
            {"choices": [], "usage": {}},
        )
        + DONE,
        T,
        "Hm",
        Finish.STOP,
    ),
    (
        "minimax base_resp",
        ev({"id": "", "choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
        "ERR",
        "",
        None,
    ),
    (
        "baidu",
        status("200 OK", b'{"error_code":110,"error_msg":"Access token invalid or no longer valid"}'),
        "ERR",
        "",
        None,
    ),
    ("zhipu code", status("200 OK", b'{"code":500,"msg":"404 NOT_FOUND","success":false}'), "ERR", "", None),
    ("fastapi detail 200", status("200 OK", b'{"detail":"Not Found"}'), "ERR", "", None),
]

WHOLE = {row[0]: row[1:] for row in SHAPES if row[2] != "ERR"}
BROKEN = {row[0]: row[1] for row in SHAPES if row[2] == "ERR"}


@pytest.mark.parametrize("name", WHOLE)
async def test_an_answer_is_whole_and_without_its_thinking(name: str) -> None:
    sent, text, _, finish = WHOLE[name]
    async with answering(sent) as (backend, _server):
        pieces = await collect(backend, ASK_CHAT)
    assert (answer_of(pieces), pieces[-1].finish) == (text, finish)


@pytest.mark.parametrize("name", BROKEN)
async def test_an_error_in_the_middle_or_in_place_of_an_answer_is_none(name: str) -> None:
    async with answering(BROKEN[name]) as (backend, _server):
        with pytest.raises(BackendError) as caught:
            await collect(backend, ASK_CHAT)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cloudflare 200 error", "No such model"),
        ("minimax base_resp", "insufficient balance"),
        ("baidu", "Access token invalid"),
        ("zhipu code", "404 NOT_FOUND"),
        ("tgi error", "CUDA OOM"),
        ("vllm error chunk", "EngineCore died"),
    ],
)
async def test_an_error_keeps_the_servers_words(name: str, words: str) -> None:
    async with answering(BROKEN[name]) as (backend, _server):
        with pytest.raises(BackendError, match=words):
            await collect(backend, ASK_CHAT)
