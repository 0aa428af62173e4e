/** The page's style: one column of text, figures on a grid, light or dark as the reader's system is. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ground: #f6f6f3; --ink: #1f2530; --soft: #5b6472; --line: #dfe1e4; --accent: #4f7015; --mark: #fff1b8;
  --run-0: #2563a8; --run-1: #c2571a; --run-2: #2f855a; --run-3: #8a4fbf; --run-4: #a3316f; --run-5: #6b6f1c;
  --mixed: #2b9a8b; --one-right: #a8327e; --one-wrong: #e07b22; --shaping: #8d7cc4;
  --constant: #c3c7cc; --all-right: #b4cfe0; --all-wrong: #d9c7b8; --unscored: #8b9097; --on-kind: #ffffff;
  --grpo: #c9484f; --durian: #55771a; --batch: #2f74b8; --dr-grpo: #8a68b0;
  --bucket-0: #2f74b8; --bucket-1: #8d8f94; --bucket-2: #c2571a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #1b1f26; --ground: #13161b; --ink: #e7e9ec; --soft: #a2abb8; --line: #333a44; --accent: #a9cf5d; --mark: #5a4a10;
    --run-0: #6aa9ea; --run-1: #f0955a; --run-2: #63c794; --run-3: #bd93ea; --run-4: #e57fb6; --run-5: #c4c861;
    --mixed: #35ab9b; --one-right: #c35a9d; --one-wrong: #e58a3a; --shaping: #9d8ed2;
    --constant: #555c66; --all-right: #3f5a6d; --all-wrong: #6a584b; --unscored: #787e87; --on-kind: #10131a;
    --grpo: #e8777c; --durian: #a0c653; --batch: #6aa9ea; --dr-grpo: #b79bdc;
    --bucket-0: #6aa9ea; --bucket-1: #9aa0a8; --bucket-2: #f0955a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 21px; margin: 56px 0 4px; letter-spacing: -0.005em; }
h3 { font-size: 16px; margin: 0 0 2px; }
h4 { font-size: 14px; margin: 0 0 6px; font-weight: 600; }
p { margin: 0 0 8px; }
h2 + p { color: var(--soft); max-width: 72ch; margin-bottom: 18px; }
.sub { color: var(--soft); margin-bottom: 26px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 30px; font-size: 14px; }
a { color: var(--accent); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 14px; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; }
.tile b { display: block; font-size: 21px; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile span { display: block; color: var(--soft); font-size: 13px; line-height: 1.4; margin-top: 4px; }
.tile.main b { color: var(--accent); }
.grid { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 16px; margin-top: 16px; }
figure { margin: 0; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px 14px; min-width: 0; grid-column: span 6; }
figure.half { grid-column: span 3; }
figure.third { grid-column: span 2; padding: 14px 16px 10px; }
figcaption p { color: var(--soft); font-size: 14px; line-height: 1.45; margin: 0 0 10px; max-width: 86ch; }
figure.third figcaption p { font-size: 13px; }
@media (max-width: 860px) { figure.half, figure.third { grid-column: span 6; } }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { white-space: pre; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0 0 8px; padding: 0; list-style: none; font-size: 13px; }
.legend i, .swatch, h4 i, .kind i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
.ramp { display: flex; align-items: center; gap: 6px; font-size: 12px; color: var(--soft); margin: 0 0 4px; font-variant-numeric: tabular-nums; }
.ramp i { display: inline-block; width: 84px; height: 9px; border-radius: 2px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 13px; border-bottom: 1px solid var(--line); padding: 6px 12px 6px 0; vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: 6px 12px 6px 0; vertical-align: top; }
tbody tr:last-child td { border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number:last-child, td.number:last-child { padding-right: 0; }
mark { background: var(--mark); color: inherit; border-radius: 3px; padding: 0 4px; }
code, pre { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { overflow-x: auto; background: var(--ground); border-radius: 8px; padding: 12px 14px; }
details { margin-top: 10px; } summary { cursor: pointer; color: var(--accent); font-size: 14px; }
details.run > summary { font-size: 18px; font-weight: 600; margin-top: 34px; color: var(--ink); }
.bucket { margin: 12px 0 4px; }
.pictures { display: flex; flex-wrap: wrap; gap: 10px; }
.thumb { display: inline-block; text-align: center; font-size: 12px; }
.thumb b { display: block; font-weight: 500; color: var(--soft); font-variant-numeric: tabular-nums; }
.thumb img { display: block; width: 104px; height: 104px; object-fit: contain; border: 1px solid var(--line); border-radius: 6px; image-rendering: pixelated; background: #fff; }
.gone { color: var(--soft); font-size: 13px; }
.sample { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px 10px; margin-top: 16px; }
.sample header { display: flex; gap: 20px; margin-bottom: 12px; }
.sample header p { margin: 0 0 3px; }
.sample .problem { font-size: 17px; font-weight: 600; white-space: pre-line; }
.facts, .kind { color: var(--soft); font-size: 13px; }
.rollouts td { padding-top: 4px; padding-bottom: 4px; }
.rollouts .text { min-width: 260px; }
.said { font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.rollouts em { color: var(--one-wrong); }
.pull { position: relative; min-width: 74px; }
.pull i { position: absolute; top: 4px; bottom: 4px; opacity: 0.22; border-radius: 2px; }
.pull i.up { left: 50%; background: var(--run-2); } .pull i.down { right: 50%; background: var(--grpo); }
.pull span { position: relative; }
.used { font-weight: 650; }
.rollouts .times { color: var(--soft); white-space: nowrap; font-variant-numeric: tabular-nums; width: 1%; }
footer { margin-top: 60px; color: var(--soft); font-size: 13px; }
@media print { body { background: #fff; } figure, .sample, .tile { break-inside: avoid; } }
`
