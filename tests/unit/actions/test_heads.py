"""What code defines in other languages than Python: names, heads and marks, with a grammar and without."""

from __future__ import annotations

import pytest

from hybrid_lsp.actions import heads
from hybrid_lsp.document import Document

CODE = {
    "javascript": (
        "'use strict';\nexport default { data() { return 1 } };\nmodule.exports = { q };\n"
        "describe('x', () => { const hidden = 1; });\n"
    ),
    "typescript": (
        "export * from './a';\nexport { b as c };\nexport const f = async <T>(x: T): Promise<T> => x;\n"
        "abstract class Q { private readonly p = 1; get x(): number { return 1; } }\n"
    ),
    "c": (
        "#pragma once\n#define A(x) x\ntypedef int (*fn)(int);\nstatic int arr[] = {1}, other;\nint g(void);\n"
        "struct S { int a; union { int b; }; };\n"
    ),
    "cpp": (
        "template <class T> class A { A(); public: explicit A(int b) : c(b) {} virtual int f() const; };\n"
        "int& A::r() { return y; }\n"
    ),
    "csharp": "class A { public int P { get { return 1; } init; } = 3; const int K = 1; int this_; }",
    "go": 'type (\n\tA struct {\n\t\t*B\n\t\tE, F int `json:"e"`\n\t}\n\tG = int\n)\n',
    "ruby": (
        "class A < B\n  attr_reader :a\n  scope :x, -> { y }\n  private def q; end\n  class << self\n    def z\n"
        "      # Says so.\n      1\n    end\n  end\nend\n"
    ),
    "php": "<?php\ndeclare(strict_types=1);\nclass D { use T; const E = 1; protected $g = 2; }\nenum J { case K; }\n",
    "lua": "local M = {}\nfunction M.a(x) end\nM.b = function(y) end\n",
    "kotlin": (
        "@A\ndata class C(val x: Int) : D() {\n    companion object {\n        const val K = 1\n    }\n"
        "    suspend fun f(\n        x: Int = g(1),\n    ): Int {\n        val local = 1\n        return x\n    }\n}\n"
    ),
    "swift": (
        "public struct S: P {\n    @State private var x = 1\n    init?(a: Int) {}\n"
        "    func f(_ x: Int) async throws\n        -> Int {\n        let y = 1\n        return y\n    }\n}\n"
    ),
    "scala": (
        "case class C(x: Int) extends D {\n  override def f(x: Int)(implicit y: Y): Int = {\n    val z = 1\n  }\n}\n"
    ),
    "dart": "class A {\n  @override\n  Widget build(C c) {\n    return f(c);\n  }\n}\nint main() => 1;\n",
    "sql": "create function f() as 1;\n",
}
DEFINED = {
    "javascript": {
        "use strict": "",
        "export default": "",
        "data": "data()",
        "module.exports": "",
        "module.exports.q": "",
    },
    "typescript": {
        "export*from'./a';": "",
        "export c": "",
        "f": "exportasync(x:T):Promise<T>",
        "Q": "abstractclassQ",
        "Q.p": "private readonly",
        "Q.x": "getx():number",
    },
    "c": {
        "#pragmaonce": "",
        "A": "(x)",
        "fn": "typedefint(*fn)(int);",
        "arr": "static",
        "other": "static",
        "g": "intg(void);",
        "S": "structS",
        "S.a": "public",
        "S.b": "public public",
    },
    "cpp": {
        "A": "template<classT>classA",
        "A.A": "public explicitA(intb)",
        "A.f": "public virtualintf()const;",
        "A::r": "int&A::r()",
    },
    "csharp": {"A": "classA", "A.P": "publicintP{getinit;}", "A.K": "const", "A.this_": ""},
    "go": {"A": "", "A.B": "", "A.E": '`json:"e"`', "A.F": '`json:"e"`', "G": ""},
    "ruby": {"A": "classA<B", "A.q": "defq", "A.z": "defz"},
    "php": {
        "declare(strict_types=1);": "",
        "D": "classD",
        "D.useT;": "",
        "D.E": "",
        "D.$g": "protected",
        "J": "enumJ",
        "J.K": "case",
    },
    "lua": {"M": "local", "M.a": "functionM.a(x)", "M.b": "(y)"},
    "kotlin": {
        "C": "dataclassC(valx:Int):D()",
        "C.object": "companionobject",
        "C.object.K": "const",
        "C.f": "suspendfunf(x:Int=g(1),):Int",
    },
    "swift": {
        "S": "publicstructS:P",
        "S.x": "@Stateprivate",
        "S.init": "init?(a:Int)",
        "S.f": "funcf(_x:Int)asyncthrows->Int",
    },
    "scala": {"C": "caseclassC(x:Int)extendsD", "C.f": "overridedeff(x:Int)(implicity:Y):Int"},
    "dart": {"A": "classA", "A.build": "Widgetbuild(Cc)", "main": "intmain()"},
    "sql": {},
}


def of(language: str) -> list[heads.Definition]:
    return heads.of(Document("file:///x", CODE[language], 1, language), fields=True)


@pytest.mark.parametrize("language", CODE)
def test_names_and_heads(language: str) -> None:
    assert {each.name: each.head for each in of(language)} == DEFINED[language]


def test_marks_are_told_without_the_code_in_them() -> None:
    assert {each.name: each.marks for each in of("ruby") if each.marks} == {
        "A": ("attr_reader :a", "scope :x", "private")
    }
    assert {each.name: each.marks for each in of("dart") if each.marks} == {"A.build": ("@override",)}
    assert {each.name: each.marks for each in of("kotlin") if each.marks} == {"C": ("@A",)}
