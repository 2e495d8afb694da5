# Makes a table, a row for each module, of what LLVM counted (lcov): lines and branches, and how many of them were reached.
# The tests beside the code are no part of it: what stands behind `#[cfg(test)] mod … {`, and files of tests.

function module_of(path) {
    # Crates of their own go by their folder.
    if (match(path, /(plugins\/[a-z]+|shared)\/src\//)) return substr(path, RSTART, RLENGTH - length("/src/"))
    sub(/^.*\/src\//, "", path)
    sub(/\.rs$/, "", path)
    sub(/\/.*/, "", path)
    return path == "lib" ? "main" : path
}

# Where the tests of a file begin; far behind its end if there are none.
function first_test(path,    line, number, before) {
    while ((getline line < path) > 0) {
        number++
        if (before ~ /^#\[cfg\(test\)\]/ && line ~ /^mod [a-z_]+ \{/) { close(path); return number }
        before = line
    }
    close(path)
    return 1e9
}

function share(part, all) { return all ? sprintf("%.1f %%", 100 * part / all) : "–" }

function row(name, lines_hit, lines, branches_hit, branches) {
    return sprintf("| %s | %s | %d | %s | %d |", name, share(lines_hit, lines), lines, share(branches_hit, branches), branches)
}

/^SF:/ {
    path = substr($0, 4)
    skipped = path ~ /(^|\/)tests\.rs$|_tests\.rs$|\/tests\// || path ~ /\/plugins\/(testing|examples)\//
    module = module_of(path)
    if (!skipped) { end = first_test(path); seen[module] = 1 }
}
skipped { next }
/^DA:/ {
    split(substr($0, 4), parts, ",")
    if (parts[1] < end) { lines[module]++; if (parts[2] > 0) lines_hit[module]++ }
}
/^BRDA:/ {
    split(substr($0, 6), parts, ",")
    if (parts[1] < end) { branches[module]++; if (parts[4] != "-" && parts[4] > 0) branches_hit[module]++ }
}

END {
    print "| module | lines | of | branches | of |"
    print "| --- | --- | --- | --- | --- |"
    sorted = "LC_ALL=C sort -t '`' -k 2,2"
    for (module in seen) {
        print row("`" module "`", lines_hit[module], lines[module], branches_hit[module], branches[module]) | sorted
        all[1] += lines_hit[module]; all[2] += lines[module]; all[3] += branches_hit[module]; all[4] += branches[module]
    }
    close(sorted)
    print row("**all**", all[1], all[2], all[3], all[4])
}
