"""Medians, ratios and tables of the rounds that were measured."""
from statistics import median


def spread(values):
    return {"median": median(values), "min": min(values), "max": max(values)}


def summarise(rounds, baseline):
    """`rounds`: figures by server, one entry a round. Ratios are made inside a round, between what
    ran next to each other, and only then is their median taken."""
    out = {}
    for name, figures in rounds.items():
        row = {key: spread([each[key] for each in figures])
               for key in ("cpu_us", "requests_per_second", "p50_us", "p99_us")}
        row["user_us"] = spread([each["cpu_us"] * each["user_share"] for each in figures])
        row["errors"] = sum(each["errors"] for each in figures)
        row["requests"] = sum(each["requests"] for each in figures)
        if baseline in rounds:
            row["ratio"] = spread([one["cpu_us"] / raw["cpu_us"]
                                   for one, raw in zip(figures, rounds[baseline])])
        out[name] = row
    return out


def table(rows, left=1):
    """Rows of text as a table that is also Markdown; the first columns are words, not figures."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) if i < left else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            marks = ["-" * width if i < left else "-" * (width - 1) + ":"
                     for i, width in enumerate(widths)]
            lines.append("| " + " | ".join(marks) + " |")
    return "\n".join(lines)


def figure(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}"


def with_spread(entry):
    return f"{figure(entry['median'])} ({figure(entry['min'])}-{figure(entry['max'])})"


def load_table(scenario):
    rows = [["server", "CPU us/request", f"x {scenario['baseline']}", "user us", "system calls",
             "p50 us", "p99 us", "requests/s", "errors"]]
    for name, row in scenario["servers"].items():
        calls = scenario["calls"].get(name)
        rows.append([
            name, with_spread(row["cpu_us"]),
            with_spread(row["ratio"]) if "ratio" in row else "-",
            figure(row["user_us"]["median"]),
            figure(sum(calls.values())) if calls else "-",
            figure(row["p50_us"]["median"]), figure(row["p99_us"]["median"]),
            figure(row["requests_per_second"]["median"]), str(row["errors"])])
    return table(rows)


def memory_table(servers):
    rows = [["server", "bytes/connection", "resident in all, KiB"]]
    for name, row in servers.items():
        rows.append([name, figure(row["bytes_per_connection"]),
                     figure(row["resident_bytes"] / 1024)])
    return table(rows)


def micro_table(rows):
    out = [["case", "what", "best ns", "median ns", "instructions"]]
    for row in rows:
        out.append([row["name"], row["about"], figure(row["best_ns"]), figure(row["median_ns"]),
                    figure(row["instructions"]) if "instructions" in row else "-"])
    return table(out, left=2)


def instructions_table(counts):
    return table([["scenario", "instructions of weir a request"],
                  *([name, figure(count)] for name, count in counts.items())])
