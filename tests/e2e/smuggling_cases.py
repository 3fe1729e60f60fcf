"""Every known way to make two readers of HTTP/1.1 disagree, as raw bytes. differential_test.py sends each to marea, to
nginx and to HAProxy in front of the same app.

In `raw` and `meant`, CASE stands for a word of the same length that is the case's own. Behind each case comes a further
request, GET /CASE/next, so that a smuggled prefix would show. `meant` is what reaches the app through marea without that last
one: (method, target, body); None: nothing of it, and no further request is taken. `status` is marea's answer to the first.
`apart`: where a peer refuses what marea passes, or understands it otherwise, and why that is right: an entry that is not
true any more fails.

Sources: Kettle 2019 "HTTP Desync Attacks: Request Smuggling Reborn", Kettle 2022 "Browser-Powered Desync Attacks", Kettle
2025 "HTTP/1.1 Must Die" (all PortSwigger Research); Host of Troubles: Chen et al., CCS 2016; Funky Chunks: J. B. Weikop,
2025; HTTP Garden: Kallus et al., 2024 (github.com/narfindustries/http-garden)."""

from dataclasses import dataclass, field

POST = b"POST /CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n"
GET = b"GET /CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n"
SMUGGLED = b"GET /CASE/smuggled HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(SMUGGLED)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b"5\r\nhello\r\n0\r\n\r\n"
HELLO = ("POST", "/CASE/first", "hello")
PLAIN = ("GET", "/CASE/first", "")


@dataclass
class Request:
    name: str
    source: str
    raw: bytes
    meant: list = None
    status: int = 400
    apart: dict = field(default_factory=dict)
    absent: tuple = ()  # field names that no app may see


def te_and_length(coding):
    """Both framings, one of them masked: a reader that sees through the mask takes the chunks, another one the length."""
    return POST + LENGTH + coding + b"\r\n" + b"0\r\n\r\n" + SMUGGLED


def chunked(body, coding=CHUNKED):
    return POST + coding + b"\r\n" + body


FRAMING = [
    Request("CL.TE", "RFC 9112 §6.3; Kettle 2019", POST + LENGTH + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED),
    Request("TE.CL", "RFC 9112 §6.3; Kettle 2019",
            POST + CHUNKED + b"Content-Length: 4\r\n\r\n%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"),
    Request("CL.CL", "RFC 9112 §6.3; Watchfire 2005", POST + b"Content-Length: 0\r\n" + LENGTH + b"\r\n" + SMUGGLED),
    Request("the same length twice", "RFC 9110 §8.6", POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    Request("a list of lengths", "RFC 9110 §8.6", POST + b"Content-Length: 5, 5\r\n\r\nhello"),
    Request("an empty length", "CVE-2023-40225 (HAProxy)", POST + b"Content-Length: \r\n\r\n" + SMUGGLED),
    Request("a length with a plus", "RFC 9110 §8.6; CVE-2018-7159 (Node)", POST + b"Content-Length: +5\r\n\r\nhello"),
    Request("a length with a minus", "RFC 9110 §8.6", POST + b"Content-Length: -5\r\n\r\nhello"),
    Request("a length with an inner space", "CVE-2018-7159 (Node)", POST + b"Content-Length: 1 5\r\n\r\nhello"),
    Request("a hexadecimal length", "RFC 9110 §8.6; HTTP Garden", POST + b"Content-Length: 0x5\r\n\r\nhello"),
    Request("a length with an underscore", "HTTP Garden (Python's int)", POST + b"Content-Length: 1_0\r\n\r\nhellohello"),
    Request("a length beyond 64 bits", "CWE-190; HTTP Garden", POST + b"Content-Length: 18446744073709551621\r\n\r\nhello"),
    Request("a length behind a vertical tab", "HTTP Garden", POST + b"Content-Length: \x0b5\r\n\r\nhello"),
    Request("CL.0", "Kettle 2022: a body that the app may not read", GET + LENGTH + b"\r\n" + SMUGGLED,
            [("GET", "/CASE/first", SMUGGLED.decode())], 200),
    Request("TE.0", "Google Cloud load balancers, Bugcrowd 2024 (Paolo Arnolfo et al.)",
            GET.replace(b"GET", b"OPTIONS") + CHUNKED + b"\r\n%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n",
            [("OPTIONS", "/CASE/first", SMUGGLED.decode())], 200),
    Request("0.CL by a space before the colon", "Kettle 2025; RFC 9112 §5.1",
            GET + b"Content-Length : %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED),
    Request("0.CL by a fold", "Kettle 2025; RFC 9112 §5.2", GET + b"Content-Length:\r\n %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED),
    Request("an overlong name that ends in a length", "CVE-2021-40346 (HAProxy)",
            POST + b"Content-Length0" + b"a" * 255 + b":\r\nContent-Length: 5\r\n\r\nhello", [HELLO], 200,
            {"haproxy": "it cannot hold a name of more than 255 bytes; here a name has the room of a head"}),
    Request("a field without a name", "CVE-2023-25725 (HAProxy)", POST + b": x\r\nContent-Length: 5\r\n\r\nhello"),
]

MASKS = {
    "a space before its colon": (b"Transfer-Encoding : chunked\r\n", "RFC 9112 §5.1; CVE-2019-16869 (Netty)"),
    "a tab before its colon": (b"Transfer-Encoding\t: chunked\r\n", "RFC 9112 §5.1; Kettle 2019"),
    "another word": (b"Transfer-Encoding: xchunked\r\n", "Kettle 2019"),
    "a vertical tab": (b"Transfer-Encoding: \x0bchunked\r\n", "Kettle 2019; CVE-2019-18277 (HAProxy)"),
    "a form feed behind it": (b"Transfer-Encoding: chunked\x0c\r\n", "Kettle 2019"),
    "a NUL": (b"Transfer-Encoding: \x00chunked\r\n", "RFC 9110 §5.5"),
    "quotes": (b"Transfer-Encoding: \"chunked\"\r\n", "Kettle 2019"),
    "a parameter": (b"Transfer-Encoding: chunked;q=1\r\n", "RFC 9112 §7; HTTP Garden"),
    "a fold before it": (b"Transfer-Encoding:\r\n chunked\r\n", "RFC 9112 §5.2; CVE-2022-32215 (Node)"),
    "a fold as a field": (b"X: x\r\n Transfer-Encoding: chunked\r\n", "RFC 9112 §5.2; Kettle 2019"),
    "a bare LF before it": (b"X: x\nTransfer-Encoding: chunked\r\n", "RFC 9112 §2.2; CVE-2022-32214 (Node)"),
    "a bare CR before it": (b"X: x\rTransfer-Encoding: chunked\r\n", "RFC 9112 §2.2; CVE-2023-30589 (Node)"),
    "a line end before its colon": (b"Transfer-Encoding\r\n: chunked\r\n", "Kettle 2025"),
    "identity first": (b"Transfer-Encoding: identity, chunked\r\n", "CVE-2022-32213 (Node)"),
    "identity last": (b"Transfer-Encoding: chunked, identity\r\n", "Kettle 2019; RFC 9112 §6.3"),
    "a second, other one": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "Kettle 2019; CVE-2020-8287 (Node)"),
    "a first, other one": (b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", "Kettle 2019"),
    "an empty first one": (b"Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", "HTTP Garden"),
    "a trailing comma": (b"Transfer-Encoding: chunked,\r\n", "HTTP Garden"),
    "a byte beyond ASCII in its name": (b"Transfer\xadEncoding: chunked\r\n", "RFC 9110 §5.6.2"),
    "a byte beyond ASCII behind it": (b"Transfer-Encoding: chunked\xa0\r\n", "smuggler (github.com/defparam/smuggler)"),
    "an underscore": (b"Transfer_Encoding: chunked\r\n", "RFC 3875 §4.1.18: CGI's names; Kettle 2025"),
}
MASKED = [
    Request(f"{how} by {mask}", source, raw(coding), status=501 if mask == "identity first" else 400)
    for mask, (coding, source) in MASKS.items()
    for how, raw in (("TE.TE", te_and_length), ("no length and TE", lambda coding: chunked(BODY, coding)))] + [
    Request("a tab before chunked", "RFC 9110 §5.5: blanks around a value",
            chunked(BODY, b"Transfer-Encoding:\tchunked\r\n"), [HELLO], 200,
            {"nginx": "a tab is no blank to it, against RFC 9110 §5.6.3; what goes on is written anew, without it"}),
    Request("CHUNKED", "RFC 9112 §7: codings in any case", chunked(BODY, b"TRANSFER-ENCODING: CHUNKED\r\n"), [HELLO], 200),
    Request("chunked twice", "RFC 9112 §6.1", chunked(BODY, CHUNKED + CHUNKED)),
    Request("gzip and chunked", "RFC 9112 §6.1: not understood is 501",
            chunked(BODY, b"Transfer-Encoding: gzip, chunked\r\n"), status=501),
    Request("chunks in a request of HTTP/1.0", "RFC 9112 §6.1; boostorg/beast PR 3096",
            POST.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n" + BODY),
]

CHUNKS = [
    Request("an extension with a bare LF", "CVE-2025-22871 (Go), CVE-2025-55315 (Kestrel)",
            chunked(b"2;\nxx\r\nab\r\n0\r\n\r\n")),
    Request("an extension with a bare CR", "CVE-2025-55315 (Kestrel)", chunked(b"2;\rxx\r\nab\r\n0\r\n\r\n")),
    Request("a quoted extension with a line feed", "Funky Chunks: EXT.TERM", chunked(b"2;a=\"\n\"\r\nab\r\n0\r\n\r\n")),
    Request("an extension without a name", "RFC 9112 §7.1.1", chunked(b"5;\r\nhello\r\n0\r\n\r\n")),
    Request("an extension with a NUL", "RFC 9110 §5.5", chunked(b"5;a\x00b\r\nhello\r\n0\r\n\r\n")),
    Request("an extension", "RFC 9112 §7.1.1: what is not understood is ignored",
            chunked(b"5;a=b;c=\"d\"\r\nhello\r\n0\r\n\r\n"), [HELLO], 200),
    Request("an endless extension", "CVE-2023-39326 (Go)", chunked(b"5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n")),
    Request("a size and a bare LF", "RFC 9112 §7.1; Funky Chunks", chunked(b"5\nhello\r\n0\r\n\r\n")),
    Request("data and a bare LF", "Funky Chunks: TERM.SPILL", chunked(b"5\r\nhello\n0\r\n\r\n")),
    Request("data and two other bytes", "Funky Chunks: ONE.TWO", chunked(b"5\r\nhelloXX0\r\n\r\n")),
    Request("more data than the size", "RFC 9112 §7.1", chunked(b"5\r\nhello!\r\n0\r\n\r\n")),
    Request("a size beyond 64 bits", "CVE-2013-2028 (nginx); Kettle 2019", chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n")),
    Request("a size of 2^63 and more", "CVE-2013-2028 (nginx)", chunked(b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n")),
    Request("a size with 0x", "RFC 9112 §7.1; CVE-2022-24790 (Puma)", chunked(b"0x5\r\nhello\r\n0\r\n\r\n")),
    Request("a size with a plus", "CVE-2022-24801 (Twisted)", chunked(b"+5\r\nhello\r\n0\r\n\r\n")),
    Request("a size with a minus", "CVE-2022-24801 (Twisted)", chunked(b"-5\r\nhello\r\n0\r\n\r\n")),
    Request("a size with an underscore", "HTTP Garden (Python's int)", chunked(b"0_5\r\nhello\r\n0\r\n\r\n")),
    Request("a size behind a space", "CVE-2022-24801 (Twisted)", chunked(b" 5\r\nhello\r\n0\r\n\r\n")),
    Request("a size before a space", "RFC 9112 §7.1", chunked(b"5 \r\nhello\r\n0\r\n\r\n")),
    Request("no size", "RFC 9112 §7.1", chunked(b"\r\nhello\r\n0\r\n\r\n")),
    Request("a size with leading zeros", "RFC 9112 §7.1: 1*HEXDIG", chunked(b"0005\r\nhello\r\n000\r\n\r\n"), [HELLO], 200),
    Request("trailers that would frame or route", "RFC 9110 §6.5.1; HTTP Garden: merged trailers",
            chunked(b"5\r\nhello\r\n0\r\nContent-Length: 99\r\nX-Forwarded-For: 192.0.2.66\r\nX-Trailed: 1\r\n\r\n"), [HELLO], 200,
            absent=("x-trailed",)),
    Request("a trailer with a bare LF", "RFC 9112 §2.2", chunked(b"5\r\nhello\r\n0\r\nA: b\nGET / HTTP/1.1\r\n\r\n")),
    Request("a trailer without a colon", "RFC 9112 §7.1.2", chunked(b"5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n")),
    Request("a folded trailer", "RFC 9112 §5.2", chunked(b"5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n")),
    Request("a bare LF behind the last chunk", "RFC 9112 §7.1", chunked(b"5\r\nhello\r\n0\r\n\n")),
]

LINES = [
    Request("HTTP/0.9", "RFC 9112 §3; HTTP/0.9 has no head", b"GET /CASE/first\r\n\r\n"),
    Request("HTTP/0.9 in words", "RFC 9112 §2.3", b"GET /CASE/first HTTP/0.9\r\nHost: recorder.localhost\r\n\r\n", status=505),
    Request("version 1.2", "RFC 9112 §2.3", b"GET /CASE/first HTTP/1.2\r\nHost: recorder.localhost\r\n\r\n", status=505),
    Request("a version of two digits", "RFC 9112 §2.3", b"GET /CASE/first HTTP/1.10\r\nHost: recorder.localhost\r\n\r\n"),
    Request("the preface of HTTP/2", "RFC 9113 §3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Request("two spaces in the request line", "RFC 9112 §3", b"GET  /CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a tab in the request line", "RFC 9112 §3", b"GET\t/CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a space in the target", "RFC 9112 §3.2", b"GET /CASE/first x HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a second version in the target", "CVE-2023-25690 (httpd)",
            b"GET /CASE/first HTTP/1.1 HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a split that is encoded", "CVE-2023-25690 (httpd): what is encoded stays so",
            b"GET /CASE/first%20HTTP/1.1%0d%0aX:%20 HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n",
            [("GET", "/CASE/first%20HTTP/1.1%0d%0aX:%20", "")], 200),
    Request("a space behind the version", "RFC 9112 §3", b"GET /CASE/first HTTP/1.1 \r\nHost: recorder.localhost\r\n\r\n"),
    Request("a space before the method", "RFC 9112 §3", b" GET /CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a NUL in the target", "RFC 9112 §3.2", b"GET /CASE/\x00 HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a bare LF behind the request line", "RFC 9112 §2.2", b"GET /CASE/first HTTP/1.1\nHost: recorder.localhost\r\n\r\n"),
    Request("bare LFs alone", "RFC 9112 §2.2", b"GET /CASE/first HTTP/1.1\nHost: recorder.localhost\n\n"),
    Request("a bare CR behind the request line", "CVE-2023-30589 (Node)",
            b"GET /CASE/first HTTP/1.1\rHost: recorder.localhost\r\n\r\n"),
    Request("a fragment", "RFC 9112 §3.2", b"GET /CASE/first#x HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a target beyond ASCII", "RFC 9112 §3.2", b"GET /CASE/\xff HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a method that is no token", "RFC 9110 §9.1", b"GE(T /CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("CONNECT", "RFC 9110 §9.3.6",
            b"CONNECT recorder.localhost:80 HTTP/1.1\r\nHost: recorder.localhost:80\r\n\r\n", status=405),
    Request("TRACE", "RFC 9110 §9.3.8", b"TRACE /CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n", status=405),
    Request("an empty line first", "RFC 9112 §2.2: one is ignored", b"\r\n" + GET + b"\r\n", [PLAIN], 200),
]

HOSTS = [
    Request("no Host", "RFC 9112 §3.2", b"GET /CASE/first HTTP/1.1\r\n\r\n"),
    Request("two Hosts", "RFC 9112 §3.2; Host of Troubles", GET + b"Host: other\r\n\r\n"),
    Request("a Host that is folded away", "Host of Troubles",
            b"GET /CASE/first HTTP/1.1\r\n Host: other\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a Host with a space before its colon", "Host of Troubles",
            b"GET /CASE/first HTTP/1.1\r\nHost : other\r\nHost: recorder.localhost\r\n\r\n"),
    Request("a Host with user info", "RFC 9110 §4.2.4", b"GET /CASE/first HTTP/1.1\r\nHost: a@recorder.localhost\r\n\r\n"),
    Request("a Host with a path", "RFC 9110 §7.2", b"GET /CASE/first HTTP/1.1\r\nHost: recorder.localhost/x\r\n\r\n"),
    Request("a list of Hosts", "RFC 9112 §3.2", b"GET /CASE/first HTTP/1.1\r\nHost: recorder.localhost, other\r\n\r\n"),
    Request("an absolute target against Host", "RFC 9112 §3.2.2; Host of Troubles",
            b"GET http://other/CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
    Request("an absolute target", "RFC 9112 §3.2.2",
            b"GET http://recorder.localhost/CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n", [PLAIN], 200,
            {"haproxy": "it passes the absolute form on, which apps need not know (RFC 9112 §3.2.2 asks it of servers)"}),
    Request("OPTIONS *", "RFC 9112 §3.2.4",
            b"OPTIONS * HTTP/1.1\r\nHost: recorder.localhost\r\nX-Case: /CASE/first\r\n\r\n", [("OPTIONS", "*", "")], 200,
            {"nginx": "it knows no asterisk-form and answers 400, against RFC 9112 §3.2.4"}),
    Request("GET *", "RFC 9112 §3.2.4", b"GET * HTTP/1.1\r\nHost: recorder.localhost\r\nX-Case: /CASE/first\r\n\r\n"),
    Request("no slash before the target", "RFC 9112 §3.2.1", b"GET CASE/first HTTP/1.1\r\nHost: recorder.localhost\r\n\r\n"),
]

HOPS = [
    Request("Connection names the length", "RFC 9110 §7.6.1; CVE-2021-33197 (Go)",
            POST + b"Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello", [HELLO], 200),
    Request("Connection names the coding", "RFC 9110 §7.6.1",
            POST + b"Connection: Transfer-Encoding\r\n" + CHUNKED + b"\r\n" + BODY, [HELLO], 200),
    Request("Connection names Host", "CVE-2021-33197 (Go)", GET + b"Connection: Host\r\n\r\n", [PLAIN], 200),
    Request("Connection names what a proxy says", "CVE-2022-31813 (httpd)",
            GET + b"Connection: X-Forwarded-For, X-Hop\r\nX-Hop: 1\r\n\r\n", [PLAIN], 200, absent=("x-hop",)),
    Request("h2c", "Jake Miller, h2c smuggling, 2020; RFC 7540 §3.2",
            GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", [PLAIN], 200,
            absent=("upgrade", "http2-settings")),
    Request("h2c that Connection does not name", "h2c smuggling, 2020", GET + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
            [PLAIN], 200, absent=("upgrade", "http2-settings")),
    Request("Proxy", "CVE-2016-5385 (httpoxy)", GET + b"Proxy: http://192.0.2.66\r\n\r\n", [PLAIN], 200, absent=("proxy",)),
    Request("an underscore for a proxy's field", "RFC 3875 §4.1.18; Kettle 2025", GET + b"X_Forwarded_For: 192.0.2.66\r\n\r\n"),
    Request("an underscore for the length", "RFC 3875 §4.1.18", POST + b"Content_Length: 50\r\nContent-Length: 5\r\n\r\nhello"),
    Request("Expect", "RFC 9110 §10.1.1", POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", [HELLO], 200),
    Request("a masked Expect", "Kettle 2025", POST + b"Expect: y 100-continue\r\nContent-Length: 5\r\n\r\nhello", status=417),
    Request("Expect in a fold", "Kettle 2025", POST + b"Expect:\r\n 100-continue\r\nContent-Length: 5\r\n\r\nhello"),
    Request("another expectation", "RFC 9110 §10.1.1", POST + b"Expect: x\r\nContent-Length: 5\r\n\r\nhello", status=417),
    Request("Expect without a body", "RFC 9110 §10.1.1; Kettle 2025: 0.CL by Expect",
            GET + b"Expect: 100-continue\r\n\r\n", [PLAIN], 200,
            absent=("expect",)),
    Request("a NUL in a value", "RFC 9110 §5.5", GET + b"X: a\x00b\r\n\r\n"),
    Request("an escape in a value", "RFC 9110 §5.5", GET + b"X: \x1b[0m\r\n\r\n"),
    Request("a bare CR in a value", "RFC 9110 §5.5", GET + b"X: a\rb\r\n\r\n"),
    Request("a fold", "RFC 9112 §5.2", GET + b"X: a\r\n b\r\n\r\n"),
    Request("a space in a name", "RFC 9110 §5.6.2", GET + b"X y: a\r\n\r\n"),
    Request("a line without a colon", "RFC 9112 §5", GET + b"smuggled\r\n\r\n"),
    Request("pipelining", "RFC 9112 §9.3.2",
            GET + b"\r\n" + POST + b"Content-Length: 5\r\n\r\nhello" + GET + b"\r\n", [PLAIN, HELLO, PLAIN], 200),
    Request("HEAD and then another", "RFC 9110 §9.3.2",
            GET.replace(b"GET", b"HEAD") + b"\r\n", [("HEAD", "/CASE/first", "")], 200),
    Request("HTTP/1.0 that is kept", "RFC 9112 §9.3",
            GET.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n\r\n", [PLAIN], 200),
]

REQUESTS = FRAMING + MASKED + CHUNKS + LINES + HOSTS + HOPS


@dataclass
class Answer:
    """What an app answers, raw; `closes`: and then ends the connection. `status` and `body` are what the caller gets through
    marea; body None: it sees that it is not complete."""
    name: str
    source: str
    raw: bytes
    status: int = 502
    body: str = ""
    closes: bool = False
    method: str = "GET"
    apart: dict = field(default_factory=dict)


OK = b"HTTP/1.1 200 OK\r\n"
POISON = OK + b"Content-Length: 6\r\n\r\npoison"
POISON_LENGTH = b"Content-Length: %d\r\n\r\n" % len(POISON)

ANSWERS = [
    Answer("length and chunked", "RFC 9112 §6.3", OK + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + POISON),
    Answer("two lengths", "RFC 9112 §6.3", OK + b"Content-Length: 2\r\nContent-Length: 50\r\n\r\nok" + POISON),
    Answer("a list of lengths in an answer", "RFC 9110 §8.6", OK + b"Content-Length: 2, 50\r\n\r\nok" + POISON),
    Answer("a length that is no number", "RFC 9110 §8.6", OK + b"Content-Length: +2\r\n\r\nok"),
    Answer("a masked coding", "Kettle 2019", OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + POISON),
    Answer("a coding with a space before its colon", "RFC 9112 §5.1",
           OK + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + POISON),
    Answer("chunked in HTTP/1.0", "RFC 9112 §6.1", b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n" + BODY),
    Answer("204 with a body", "RFC 9112 §6.3; response queue poisoning, Kettle 2019",
           b"HTTP/1.1 204 No Content\r\n" + POISON_LENGTH + POISON, 204),
    Answer("304 with a body", "RFC 9112 §6.3", b"HTTP/1.1 304 Not Modified\r\n" + POISON_LENGTH + POISON, 304),
    Answer("204 with chunks", "RFC 9112 §6.1", b"HTTP/1.1 204 No Content\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + POISON, 204),
    Answer("HEAD with a body", "RFC 9112 §6.3; HEAD response poisoning, Kettle 2022",
           OK + POISON_LENGTH + POISON, 200, method="HEAD"),
    Answer("an answer that nobody asked for", "Response queue poisoning, Kettle 2019",
           OK + b"Content-Length: 2\r\n\r\nok" + POISON, 200, "ok"),
    Answer("half an answer that nobody asked for", "Response queue poisoning, Kettle 2019",
           OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1", 200, "ok"),
    Answer("100 with a length and a body", "RFC 9110 §15.2",
           b"HTTP/1.1 100 Continue\r\n" + POISON_LENGTH + OK + b"Content-Length: 2\r\n\r\nok", 200, "ok",
           apart={"nginx": "1.22 takes an interim answer for the answer"}),
    Answer("103", "RFC 8297", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", 200, "ok",
           apart={"nginx": "1.22 takes an interim answer for the answer"}),
    Answer("101 that nobody asked for", "RFC 9110 §7.8; websocket smuggling (github.com/0ang3el/websocket-smuggle)",
           b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + POISON),
    Answer("a split field by a bare LF", "CWE-113: response splitting",
           OK + b"X: a\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok"),
    Answer("a split field by a bare CR", "CWE-113", OK + b"X: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok"),
    Answer("a NUL in a field", "RFC 9110 §5.5", OK + b"X: a\x00b\r\nContent-Length: 2\r\n\r\nok"),
    Answer("a fold in an answer", "RFC 9112 §5.2", OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nok"),
    Answer("a line without a colon in an answer", "RFC 9112 §5", OK + b"smuggled\r\nContent-Length: 2\r\n\r\nok"),
    Answer("another protocol", "RFC 9112 §4", b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    Answer("HTTP/2 in words", "RFC 9112 §2.3", b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    Answer("HTTP/0.9 in an answer", "RFC 9112 §2.3", b"hello", closes=True),
    Answer("a status of two digits", "RFC 9112 §4", b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"),
    Answer("no answer", "RFC 9110 §15.6.3", b"", closes=True),
    Answer("half a head", "RFC 9112 §8", OK + b"Content-Le", closes=True),
    Answer("half a body", "RFC 9112 §8", OK + b"Content-Length: 9\r\n\r\nhalf", 200, None, True),
    Answer("a body without its last chunk", "RFC 9112 §8", OK + CHUNKED + b"\r\n5\r\nhello\r\n", 200, None, True),
    Answer("a chunk with a bare LF", "RFC 9112 §7.1", OK + CHUNKED + b"\r\n5;\nhello\r\n0\r\n\r\n", 200, None),
    Answer("a chunk beyond 64 bits", "CVE-2013-2028 (nginx)",
           OK + CHUNKED + b"\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", 200, None),
    Answer("a body until the end", "RFC 9112 §6.3", OK + b"\r\nhello", 200, "hello", True),
    Answer("chunks", "RFC 9112 §7.1", OK + CHUNKED + b"\r\n" + BODY, 200, "hello"),
]
