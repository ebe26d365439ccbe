"""How the report looks: light, dark and on paper."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--paper:#fff;--panel:#f4f6f8;
--rule:#d5dbe1;--bad:#b3261e;--c0:#5b6672;--c1:#0b62c4;--c2:#b4460b;--c3:#0a7a55;--c4:#8a2ea8;
--c5:#8a6a00}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#a2acb6;--paper:#14181c;
--panel:#1e242a;--rule:#38414a;--bad:#ff8a80;--c0:#a9b4bf;--c1:#6cb2ff;--c2:#ff9a5c;--c3:#4fd1a0;
--c4:#d69aec;--c5:#e5c04f}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1.2rem 4rem;max-width:60rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{margin:.2rem 0;font-size:1.7rem;line-height:1.25}h2{margin:2.4rem 0 .6rem;font-size:1.25rem}
.kicker,.foot,.how,.nothing,figcaption{color:var(--soft);font-size:.9rem}
.summary{margin:1.2rem 0;padding:.4rem 1.2rem;background:var(--panel);
border-left:4px solid var(--c1);border-radius:4px}
.summary.bad{border-color:var(--bad)}
dt{margin-top:.8rem;font-weight:650}dd{margin:0 0 .8rem}dd p{margin:.15rem 0}
code{font:.88em ui-monospace,monospace;background:var(--panel);padding:.1em .3em;border-radius:3px}
.summary code{background:var(--paper)}
figure{margin:1rem 0}svg{display:block;width:100%;height:auto}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
.grid{stroke:var(--rule)}.level{stroke:var(--ink);stroke-width:1.3}
.moment{stroke:var(--soft);stroke-dasharray:3 4}
.line{fill:none;stroke-width:2;stroke:currentColor}.band{fill:currentColor;opacity:.16}
circle{fill:currentColor}.dashed.line{stroke-dasharray:6 4}
.c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}
.c4{color:var(--c4)}.c5{color:var(--c5)}
.swatch{display:inline-block;width:1.4em;height:.3em;margin:0 .4em .2em 1em;background:currentColor}
.dashed .swatch{background:repeating-linear-gradient(90deg,currentColor 0 .4em,transparent 0 .6em)}
.table{max-height:22rem;overflow:auto;margin:.8rem 0;border:1px solid var(--rule);border-radius:4px}
.table.whole{max-height:none}
table{border-collapse:collapse;width:100%;font-size:.87rem;overflow-wrap:normal}
caption{padding:.45rem .7rem;text-align:left;color:var(--soft)}
th,td{padding:.32rem .7rem;text-align:left;vertical-align:top;border-top:1px solid var(--rule);
font-variant-numeric:tabular-nums;max-width:26rem;overflow-wrap:break-word}
thead th{background:var(--panel);position:sticky;top:0}tbody th{font-weight:500;min-width:10.5rem}
@media screen and (max-width:40rem){figure{overflow-x:auto}svg{min-width:36rem}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--panel:#f4f6f8;
--rule:#ccc;--bad:#b3261e;--c0:#5b6672;--c1:#0b62c4;--c2:#b4460b;--c3:#0a7a55;--c4:#8a2ea8;--c5:#8a6a00}
body{max-width:none;font-size:11pt}.table{max-height:none;overflow:visible}
figure,tr,.summary{break-inside:avoid}thead{display:table-header-group}}
"""
