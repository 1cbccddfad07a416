# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Where egret symbolize may differ from both llvm-symbolizer and addr2line, and why.

Each class has a rule that looks at one address; what falls under none is an error.
"""
import collections
import re

Case = collections.namedtuple('Case', 'name binary address got llvm binutils')


def same_places(got, other):
    """The same depth, files and lines."""
    return [f[1:] for f in got] == [f[1:] for f in other]


def is_variant(name, symbol):
    """symbol is name, or what a compiler makes of it for another part or copy of the function."""
    return name == symbol or (name is not None and symbol is not None and symbol.startswith(name + '.'))


def names_fit(case, other, fits):
    """Lines are those of other; each name is one of either, or the outermost one fits."""
    if not same_places(case.got, other):
        return False
    for i, frame in enumerate(case.got):
        said = {chain[i].function for chain in (case.llvm, case.binutils)
                if same_places(case.got, chain)}
        if frame.function not in said and not (i == len(case.got) - 1 and fits(frame.function, said)):
            return False
    return True


def either(case, fits):
    return any(names_fit(case, other, fits) for other in (case.llvm, case.binutils))


def names_of_either(case):
    """addr2line gives inlined functions without a linkage name the name of the function that they
    are inlined into; llvm-symbolizer gives the outermost function the name in .symtab. Both are
    right at other frames of the chain, and egret's chain has the right name in each."""
    return either(case, lambda name, said: False)


def whole_function(case):
    """A part of a function that the compiler split off or copied (f.cold, f.part.0, f.isra.0; Go's
    f.abi0) is named as the function that it belongs to, as DWARF says."""
    return either(case, lambda name, said: any(is_variant(name, other) for other in said))


def alias(case):
    """Several symbols stand for the same function (aliases, identical functions that were folded into
    one): egret takes the global, the unversioned, the shorter one; the others another one."""
    def fits(name, said):
        aliases = case.binary.aliases[name] | set(case.binary.functions_at(case.address))
        return name in case.binary.functions_at(case.address) or \
            any(is_variant(other, one) for other in aliases for one in said)
    return either(case, fits)


def plt_entry(case):
    """The others name no entries of procedure linkage tables, or name them after a function far
    away. objdump, or the relocation of the entry's word, says the same as egret; what entries share
    is .plt."""
    return (case.binary.section_of(case.address).startswith('.plt') and len(case.got) == 1 and
            case.got[0].file is None and
            case.got[0].function in case.binary.plt_names(case.address))


def file_of_symtab(case):
    """Where there is no line, the others print the name of a source file from .symtab (STT_FILE)
    with line 0. It is that of a translation unit, not of the function, and egret prints none."""
    return any(len(other) == 1 and other[0].file and not other[0].line and '/' not in other[0].file and
               len(case.got) == 1 and case.got[0].file is None and
               (case.got[0].function == other[0].function or
                case.got[0].function in case.binary.functions_at(case.address))
               for other in (case.llvm, case.binutils))


def padding(case):
    """Behind a function's end there are rows of the line table, but no function: egret gives the
    line without a name, addr2line the name of the function before."""
    return (len(case.got) == 1 and case.got[0].function is None and
            not case.binary.functions_at(case.address) and
            any(same_places(case.got, other) for other in (case.llvm, case.binutils)))


def behind_go_function(case):
    """Go's own table of functions (.gopclntab) has no gaps: what is behind a function, up to the next
    one, is its own. It writes type arguments as [...]."""
    before = re.sub(r'\[.*\]', '[...]', case.binary.function_before(case.address) or '')
    return (len(case.got) == 1 and case.got[0].file is None and
            case.binary.is_go and
            not case.binary.functions_at(case.address) and is_variant(case.got[0].function, before))


CLASSES = [names_of_either, whole_function, alias, plt_entry, file_of_symtab, padding,
           behind_go_function]


def explain(name, binary, address, got, llvm, binutils):
    case = Case(name, binary, address, got, llvm, binutils)
    for rule in CLASSES:
        if rule(case):
            return rule.__name__
    return None
