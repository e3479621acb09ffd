"""The style sheet of the report's page: for light and dark screens, and for paper, where all is dark on white."""

from __future__ import annotations

# The curves' colours are those of Okabe and Ito ("Color Universal Design", 2008), which the colour-blind tell apart.
STYLE = """
:root {
  color-scheme: light dark;
  --text: #1b1f24; --muted: #59626c; --back: #ffffff; --soft: #f3f5f7; --rule: #c9d0d7; --grid: #e3e7eb;
  --bad: #a3130f; --bad-back: #fdeceb; --warn: #7a4b00; --warn-back: #fff5e0;
  --curve-0: #0072b2; --curve-1: #d55e00; --curve-2: #007a58; --curve-3: #b0508a; --curve-4: #1b1f24;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --text: #e4e7eb; --muted: #a3adb8; --back: #15181c; --soft: #20252b; --rule: #48515b; --grid: #2b3138;
    --bad: #ff9d97; --bad-back: #3a1d1c; --warn: #ffcf7d; --warn-back: #33280f;
    --curve-0: #56b4e9; --curve-1: #f0803c; --curve-2: #2fc597; --curve-3: #dd8fbe; --curve-4: #e4e7eb;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 24px; max-width: 1080px; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, "Segoe UI", "Noto Sans", "Noto Sans CJK KR", "Malgun Gothic", sans-serif;
}
h1 { font-size: 1.6em; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 {
  font-size: 1.2em; margin: 32px 0 8px; padding-top: 10px; border-top: 1px solid var(--rule); overflow-wrap: anywhere;
}
h3 { font-size: 1em; margin: 18px 0 6px; }
p { margin: 6px 0; overflow-wrap: anywhere; }
.muted { color: var(--muted); }
.notice { border: 2px solid var(--text); padding: 4px 12px; margin: 14px 0; font-weight: 600; }
.warning, .error { border-left: 4px solid; padding: 6px 12px; margin: 8px 0; overflow-wrap: anywhere; }
.warning { border-color: var(--warn); background: var(--warn-back); }
.error { border-color: var(--bad); background: var(--bad-back); }
.bad { color: var(--bad); font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.92em; }
th, td { text-align: left; vertical-align: top; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--rule); }
.name { overflow-wrap: anywhere; min-width: 12em; }
.word { white-space: nowrap; }
th { color: var(--muted); font-weight: 600; }
thead th { vertical-align: bottom; }
.number { text-align: right; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 8px 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
.pair { display: flex; flex-wrap: wrap; gap: 0 28px; align-items: center; }
code { font-family: ui-monospace, "DejaVu Sans Mono", Consolas, monospace; font-size: 0.9em; }
svg { max-width: 100%; height: auto; flex: none; display: block; margin: 10px 0; }
svg text { fill: var(--text); font-size: 12px; }
svg .tick { fill: var(--muted); }
svg .title { fill: var(--muted); }
svg .grid { stroke: var(--grid); }
svg .axis { stroke: var(--muted); fill: none; }
svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .mark line { stroke: var(--text); stroke-dasharray: 2 3; }
svg .mark circle { fill: var(--back); stroke: var(--text); stroke-width: 1.6; }
svg .mark text { stroke: var(--back); stroke-width: 3; paint-order: stroke; }
svg .letter circle { fill: var(--back); stroke-width: 1.6; }
svg .letter text { font-weight: 700; font-size: 11px; }
svg .curve-0 { stroke: var(--curve-0); } svg .curve-1 { stroke: var(--curve-1); }
svg .curve-2 { stroke: var(--curve-2); } svg .curve-3 { stroke: var(--curve-3); }
svg .curve-4 { stroke: var(--curve-4); }
svg .letter text { stroke: none; }
footer { margin-top: 32px; padding-top: 10px; border-top: 1px solid var(--rule); font-size: 0.88em; }
@page { size: A4; margin: 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide { overflow: visible; }
  section.beam, svg, table, .notice, .warning, .error { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""
