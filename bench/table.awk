# SPDX-License-Identifier: ISC
# bench/rows, then samples (SERIES VALUE), become the table; with -v json=FILE that too.
# A value is the median of its samples. The n-th samples of two series were measured one after the
# other, so the ratio is the median of the ratios of such pairs, and its spread their quartiles.

function trim(s) {
	sub(/^[ \t]+/, "", s)
	sub(/[ \t]+$/, "", s)
	return s
}

# sorts a[1..n]
function sort(a, n,    i, j, t) {
	for (i = 2; i <= n; i++) {
		t = a[i]
		for (j = i - 1; j > 0 && a[j] > t; j--)
			a[j + 1] = a[j]
		a[j + 1] = t
	}
}

# the q-quantile of sorted a[1..n]
function quantile(a, n, q,    at, low) {
	at = 1 + (n - 1) * q
	low = int(at)
	return low < n ? a[low] + (at - low) * (a[low + 1] - a[low]) : a[n]
}

function median_of(series,    i, a) {
	for (i = 1; i <= count[series]; i++)
		a[i] = value[series, i]
	sort(a, count[series])
	return quantile(a, count[series], 0.5)
}

function number(x) {
	return sprintf(x >= 1000 ? "%.0f" : x >= 100 ? "%.1f" : "%.2f", x)
}

function met(goal, ours, ratio,    of) {
	of = sub(/^ours/, "", goal) ? ours : ratio
	return goal ~ /^>=/ ? of >= substr(goal, 3) + 0 : of <= substr(goal, 3) + 0
}

function quoted(s) {
	gsub(/[\\"]/, "\\\\&", s)
	return "\"" s "\""
}

function line(a, b, c, d, e, f, g, h,    text) {
	text = sprintf("%-31s %-8s %9s  %-28s %9s %6s  %-13s %-14s %s", a, b, c, d, e, f, g, h, verdict)
	sub(/ +$/, "", text)
	print text
}

FNR == NR {
	if ($0 ~ /^#/ || NF == 0)
		next
	split($0, part, "|")
	rows++
	for (i = 1; i <= 6; i++)
		row[rows, i] = trim(part[i])
	next
}

NF == 2 { value[$1, ++count[$1]] = $2 + 0 }

END {
	verdict = ""
	line("row", "unit", "ours", "peer", "peer's", "ratio", "quartiles", "goal")
	for (r = 1; r <= rows; r++) {
		ours = row[r, 3]
		peer = row[r, 4]
		goal = row[r, 6]
		n = count[ours] < count[peer] ? count[ours] : count[peer]
		mine = count[ours] ? median_of(ours) : 0
		theirs = count[peer] ? median_of(peer) : 0
		if (n == 0) {
			verdict = "not measured"
			line(row[r, 1], row[r, 2], count[ours] ? number(mine) : "-", row[r, 5],
			    count[peer] ? number(theirs) : "-", "-", "-", goal)
			record = record sprintf("%s  {\"row\": %s, \"peer\": %s, \"measured\": false}",
			    r > 1 ? ",\n" : "", quoted(row[r, 1]), quoted(row[r, 5]))
			continue
		}
		for (i = 1; i <= n; i++)
			ratios[i] = value[ours, i] / value[peer, i]
		sort(ratios, n)
		ratio = quantile(ratios, n, 0.5)
		low = quantile(ratios, n, 0.25)
		high = quantile(ratios, n, 0.75)
		verdict = goal == "" ? "" : met(goal, mine, ratio) ? "met" : "NOT MET"
		line(row[r, 1], row[r, 2], number(mine), row[r, 5], number(theirs),
		    sprintf("%.2f", ratio), sprintf("%.2f..%.2f", low, high), goal)
		record = record sprintf("%s  {\"row\": %s, \"unit\": %s, \"peer\": %s, \"measured\": true, " \
		    "\"rounds\": %d, \"ours\": %.9g, \"theirs\": %.9g, \"ratio\": %.4g, " \
		    "\"ratio_quartiles\": [%.4g, %.4g], \"ratio_range\": [%.4g, %.4g], " \
		    "\"goal\": %s, \"met\": %s}", r > 1 ? ",\n" : "", quoted(row[r, 1]),
		    quoted(row[r, 2]), quoted(row[r, 5]), n, mine, theirs, ratio, low, high,
		    ratios[1], ratios[n], quoted(goal),
		    goal == "" ? "null" : verdict == "met" ? "true" : "false")
	}
	if (json)
		printf "[\n%s\n]\n", record >json
}
