"""bad.py FOLDER: writes descriptions with faults, made from full.json, and prints their names."""
import copy
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
FULL = json.loads((HERE / "full.json").read_text())
CASES = {}


def at(tree, path):
    """The container and the last key of a JSON pointer."""
    keys = path.strip("/").split("/")
    for k in keys[:-1]:
        tree = tree[int(k)] if isinstance(tree, list) else tree[k]
    last = keys[-1]
    return tree, int(last) if isinstance(tree, list) else last


def edit(name, *changes):
    """Changes are (path, value) pairs; a value of None takes the key away."""
    tree = copy.deepcopy(FULL)
    for path, value in changes:
        inside, key = at(tree, path)
        if value is None:
            del inside[key]
        else:
            inside[key] = value
    CASES[name] = json.dumps(tree, indent=2) + "\n"


def rename(name, path, new):
    """Writes a key differently, in its place."""
    tree = copy.deepcopy(FULL)
    inside, key = at(tree, path)
    members = [(new if k == key else k, v) for k, v in inside.items()]
    inside.clear()
    inside.update(members)
    CASES[name] = json.dumps(tree, indent=2) + "\n"


def text(name, change):
    CASES[name] = change(json.dumps(FULL, indent=2) + "\n")


# keys
rename("key_misspelt", "/compiler/command", "comand")
rename("key_misspelt_at_the_root", "/preferences", "preference")
rename("key_misspelt_in_a_list", "/units/1/levels/0/gb_per_s", "gb_per_sec")
rename("key_of_another_place", "/preferences/fast_math", "flops_per_cycle")
rename("key_unknown", "/target/libm", "colour")
rename("key_with_slash", "/limits/stack_bytes", "stack/by~tes")
rename("key_with_escapes", "/limits/stack_bytes", "\u001b[31m")
edit("key_missing", ("/compiler/command", None))
edit("key_missing_at_the_root", ("/name", None))
edit("key_missing_object", ("/target", None))
edit("key_missing_in_a_list", ("/units/1/cores", None))
edit("key_missing_deep", ("/units/1/levels/2/cores", None))
edit("keys_missing_all", *[(f"/{k}", None) for k in FULL])
text("key_twice", lambda t: t.replace('"archiver": "ar"', '"archiver": "ar",\n    "archiver": "gcc-ar"'))
text("key_twice_at_the_root", lambda t: t.replace('"backend": "c"', '"backend": "c", "name": "other"'))

# kinds
edit("kind_object", ("/target", ["little"]))
edit("kind_list", ("/units", {"name": "cpu"}))
edit("kind_list_entry", ("/units/0", "cpu"))
edit("kind_name", ("/name", 7))
edit("kind_words", ("/compiler/flags", "-O2"))
edit("kind_word_in_list", ("/compiler/flags/1", 3))
edit("kind_choice", ("/compiler/standard", 11))
edit("kind_integer", ("/units/0/cores", 4.0))
edit("kind_integer_text", ("/limits/arena_bytes", "1 MiB"))
edit("kind_number", ("/units/0/clock_mhz", "1 GHz"))
edit("kind_flag", ("/target/libc", 1))
edit("kind_types", ("/target/types", "f32"))
edit("kind_type_in_list", ("/target/types/2", 32))
text("kind_null", lambda t: t.replace('"pointer_bits": 64', '"pointer_bits": null'))
CASES["kind_root_list"] = "[]\n"
CASES["kind_root_number"] = "42\n"

# values
edit("value_name_empty", ("/name", ""))
edit("value_name_long", ("/name", "n" * 64))
edit("value_name_blank", ("/name", "my device"))
edit("value_name_comment", ("/name", "x*/y"))
edit("value_name_dot", ("/name", ".hidden"))
edit("value_name_accent", ("/name", "pr\u00e9cis"))
edit("value_description_lines", ("/description", "one\ntwo"))
edit("value_description_long", ("/description", "d" * 201))
edit("value_backend", ("/backend", "cc"))
edit("value_command_empty", ("/compiler/command", ""))
edit("value_command_shell", ("/compiler/command", "cc; rm -r /"))
edit("value_command_option", ("/compiler/command", "-O2"))
edit("value_flag_make", ("/compiler/flags/0", "$(shell id)"))
edit("value_flag_empty", ("/compiler/flags/0", ""))
edit("value_flags_many", ("/compiler/flags", ["-O2"] * 65))
edit("value_standard", ("/compiler/standard", "c12"))
edit("value_byte_order", ("/target/byte_order", "middle"))
edit("value_pointer_bits", ("/target/pointer_bits", 48))
edit("value_pointer_bits_large", ("/target/pointer_bits", 128))
edit("value_type", ("/target/types/0", "f23"))
edit("value_type_string", ("/target/types/0", "string"))
edit("value_type_twice", ("/target/types/5", "f32"))
edit("value_types_none", ("/target/types", []))
edit("value_alignment", ("/target/alignment", 48))
edit("value_alignment_small", ("/target/alignment", 4))
edit("value_units_none", ("/units", []))
edit("value_units_many", ("/units", [{**FULL["units"][0], "name": f"u{i}"} for i in range(17)]), ("/runs_on", "u0"))
edit("value_kind", ("/units/1/kind", "gpu"))
edit("value_cores", ("/units/1/cores", 0))
edit("value_threads", ("/preferences/threads", 65))
edit("value_clock", ("/units/1/clock_mhz", 0))
edit("value_clock_negative", ("/units/1/clock_mhz", -2.5e3))
edit("value_flops", ("/units/1/flops_per_cycle", 1e300))
edit("value_vector_bits", ("/units/1/vector_bits", 384))
edit("value_registers", ("/units/1/vector_registers", -1))
edit("value_instruction_op", ("/units/1/instructions/0/op", "square"))
edit("value_instruction_type", ("/units/1/instructions/0/type", "bf16"))
edit("value_instruction_sum_of_floats", ("/units/1/instructions/0", {"op": "add", "type": "f32", "lanes": 4, "text": "big_add($0, $1)"}))
edit("value_instruction_fma_of_halves", ("/units/1/instructions/0", {"op": "fma", "type": "f16", "lanes": 8, "text": "big_fma($0, $1, $2)"}))
edit("value_instruction_half", ("/units/1/instructions/0", {"op": "mul", "type": "f16", "lanes": 1, "text": "big_mul($0, $1)"}))
edit("value_instruction_lanes", ("/units/1/instructions/0/lanes", 3))
edit("value_instruction_operand", ("/units/1/instructions/0/text", "big_sqrt($1)"))
edit("value_instruction_operand_left_out", ("/units/1/instructions/1/text", "big_blend($1, $0)"))
edit("value_instruction_brackets", ("/units/1/instructions/0/text", "big_sqrt($0"))
edit("value_instruction_brackets_crossed", ("/units/1/instructions/0/text", ")($0)("))
edit("value_instruction_statement", ("/units/1/instructions/0/text", "$0; } int main(void) {"))
edit("value_instruction_comment", ("/units/1/instructions/0/text", "$0 /* all"))
edit("value_instruction_dollar", ("/units/1/instructions/0/text", "$0 + $"))
edit("value_tile_op", ("/units/1/tiles/instructions/0/op", "dot_i4_i4"))
edit("value_tile_bytes", ("/units/1/tiles/bytes", 48))
edit("value_tile_operand", ("/units/1/tiles/instructions/2/text", "big_zero($1)"))
edit("value_tile_operand_left_out", ("/units/1/tiles/instructions/5/text", "big_dot($0, $1)"))
edit("value_tile_brackets", ("/units/1/tiles/instructions/1/text", "big_release("))
edit("value_tile_statements", ("/units/1/tiles/instructions/1/text", "big_release(); exit()"))
edit("value_tile_comment", ("/units/1/tiles/instructions/1/text", "big_release() // done"))
edit("value_header", ("/units/1/headers/0", "<tgmath.h>"))
edit("value_level_bytes", ("/units/1/levels/0/bytes", 0))
edit("value_limit_zero", ("/limits/stack_bytes", 0))
edit("value_limit_huge", ("/limits/weights_bytes", 2**63))
edit("value_precision", ("/preferences/precision", "f64"))
edit("value_weights", ("/preferences/weights", "arrays"))
edit("value_array_bytes", ("/preferences/array_bytes", -1))

# keys that do not go together
edit("conflict_unit_unknown", ("/runs_on", "bib"))
edit("conflict_unit_far", ("/runs_on", "npu"))
edit("conflict_unit_names", ("/units/0/name", "big"))
edit("conflict_vector_bits", ("/units/1/vector_registers", None))
edit("conflict_registers", ("/units/1/vector_bits", None))
edit("conflict_level_size", ("/units/1/levels/1/bytes", 32768))
edit("conflict_level_without_size", ("/units/1/levels/1/bytes", None))
edit("conflict_level_cores", ("/units/1/levels/0/cores", 4))
edit("conflict_level_too_many_cores", ("/units/1/levels/2/cores", 7))
edit("conflict_level_names", ("/units/1/levels/1/name", "L1"))
edit("conflict_instructions", ("/units/1/instructions/1", FULL["units"][1]["instructions"][0]))
edit("conflict_tile_instructions", ("/units/1/tiles/instructions/1", FULL["units"][1]["tiles"]["instructions"][0]))
edit("conflict_tile_rows", ("/units/1/tiles/rows", None))
edit("conflict_tile_dots", ("/units/1/tiles/instructions/5", None))
edit("conflict_tile_vectors", ("/units/1/vector_bits", None), ("/units/1/vector_registers", None))
edit("conflict_standard", ("/compiler/flags/0", "-std=gnu17"))
edit("conflict_fast_math", ("/compiler/flags/0", "-ffast-math"), ("/units/1/flags/0", "-Ofast"))
edit("conflict_threads", ("/preferences/threads", 3))
edit("conflict_libc_link", ("/target/libc", False))
edit("conflict_libc_file", ("/target/libc", False), ("/compiler/link", None), ("/compiler/run", None),
     ("/preferences/weights", "file"))
edit("conflict_pointers", ("/target/pointer_bits", 16))
edit("conflict_memory", ("/limits/weights_bytes", 2147483648))
edit("conflict_precision", ("/target/types", ["f32", "i32"]))

# many at once: every one is named
edit("many", ("/name", "a b"), ("/backend", "rust"), ("/compiler/standard", "c89"), ("/compiler/flags/0", "a b"),
     ("/target/libc", "yes"), ("/target/pointer_bits", 24), ("/target/types/1", "float"), ("/units/0/cores", -1),
     ("/units/1/kind", "npu"), ("/units/1/levels/1/bytes", "64K"), ("/limits/arena_bytes", 1.5),
     ("/preferences/precision", "int8"), ("/preferences/fast_maths", True))

# text that is no JSON, or more than this reader takes
text("json_comma", lambda t: t.replace('"backend": "c",', '"backend": "c"'))
text("json_comment", lambda t: "// a device\n" + t)
text("json_cut", lambda t: t[: len(t) // 2])
text("json_more", lambda t: t + "{}\n")
text("json_number", lambda t: t.replace("2000.5", "1e999"))
text("json_integer", lambda t: t.replace("1048576,", "99999999999999999999,", 1))
text("json_single_quotes", lambda t: t.replace('"', "'"))
text("json_nul", lambda t: t.replace("full", "fu\\u0000ll"))
text("json_deep", lambda t: t.replace('"c"', "[" * 100 + "]" * 100))
CASES["json_empty"] = ""
CASES["json_large"] = " " * (1 << 18) + "{}"

# bases
BASES = {}


def based(name, base, **changes):
    """A description that says no more than its name, what its base is, and the changes."""
    CASES[name] = json.dumps({"base": base, "name": name, **changes}, indent=2) + "\n"


def base(name, *changes):
    """A file that others are based on: full.json with the changes."""
    edit(name, *changes)
    BASES[name] = CASES.pop(name)
    return f"./{name}.json"


FINE = base("of_all")
edit("base_kind", ("/base", 7))
based("base_empty", "")
based("base_name_near", "x86-avx51")
based("base_name_far", "quantum")
based("base_file_missing", "./nothing.json")
based("base_file_missing_elsewhere", "/nowhere/nothing.json")
based("base_folder", "./")
based("base_itself", "./base_itself.json")
based("base_circle", "./of_circle.json")
BASES["of_circle"] = '{"name": "of_circle", "base": "base_circle.json"}\n'
based("base_of_too_many", "./of_many_0.json")
for i in range(10):
    BASES[f"of_many_{i}"] = json.dumps({"base": f"of_many_{i + 1}.json", "name": "many"}, indent=2) + "\n"
BASES["of_list"] = "[]\n"
based("base_no_object", "./of_list.json")
BASES["of_comma"] = '{"name": "of_comma",}\n'
based("base_comma", "./of_comma.json")
based("base_without_name", FINE)
CASES["base_without_name"] = CASES["base_without_name"].replace('"name": "base_without_name"', '"description": "of what?"')
# the place is where it is written, in whichever file that is
based("base_value", base("of_value", ("/units/1/instructions/1/text", "big_blend($1, $0)"), ("/compiler/standard", "c12")))
based("base_key", base("of_key", ("/units/1/levels/1/colour", 7)))
based("base_missing", base("of_missing", ("/compiler/command", None), ("/units/1/clock_mhz", None)), units=[{"name": "big", "cores": 2}])
based("base_own_value", FINE, units=[{"name": "big", "instructions": [{"op": "ceil", "type": "f32", "lanes": 4, "text": "big_ceil($1)"}]}])
based("base_own_kind", FINE, units=[{"name": "big", "levels": {"name": "L1", "bytes": 65536}}], target=[])
based("base_conflict", FINE, units=[{"name": "big", "levels": [{"name": "L2", "bytes": 1024}]}])
based("base_row_twice", FINE, units=[{"name": "big", "tiles": {"instructions": [{"op": "zero", "text": "a($0)"}, {"op": "zero", "text": "b($0)"}]}}])
based("base_level_behind", FINE, units=[{"name": "big", "levels": [{"name": "L3", "bytes": 2097152, "cores": 2}]}])
based("base_null_key", FINE, target={"libm": None})
based("base_null_of_nothing", FINE, units=[{"name": "big", "instructions": [{"op": "ceil", "type": "f32", "lanes": 4, "text": None}]}],
      preferences={"colour": None})

folder = pathlib.Path(sys.argv[1])
for name, content in BASES.items():
    (folder / f"{name}.json").write_text(content, encoding="utf-8")
for name, content in CASES.items():
    (folder / f"{name}.json").write_text(content, encoding="utf-8")
    print(name)
