/** The style of the waterfall page; its digest is in the page's policy. */
export const WATERFALL_STYLE = `
:root { color-scheme: light dark; --page: light-dark(#fff, #14171a); --text: light-dark(#1a1d21, #e6e9ec);
  --faint: light-dark(#565e67, #a3abb4); --line: light-dark(#d5d9de, #363c43); --mark: light-dark(#c2410c, #f08a55);
  font: 14px / 1.45 system-ui, sans-serif; background: var(--page); color: var(--text); }
body { margin: 0 auto; padding: 1.5rem; max-width: 90rem; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: .3rem 2rem; margin: 0 0 1rem; }
dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: 0 0 1rem; padding: 0; list-style: none; }
.key { width: .8rem; height: .8rem; margin-right: .35rem; }
.mark { display: inline-block; width: .25rem; height: .9rem; margin-right: .35rem; background: var(--mark); vertical-align: -.1rem; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th, td { padding: .25rem .5rem; border-top: 1px solid var(--line); text-align: left; vertical-align: middle; font-weight: normal; }
thead th { border: 0; color: var(--faint); font-size: .85rem; vertical-align: bottom; }
th:first-child { width: 34%; overflow-wrap: anywhere; border-left: .25rem solid transparent; }
.critical th { border-left-color: var(--mark); font-weight: 600; }
.number { width: 5rem; text-align: right; font-variant-numeric: tabular-nums; }
small, .faint, .scale text { color: var(--faint); fill: var(--faint); }
.row, .scale { display: block; width: 100%; height: 1.1rem; overflow: hidden; }
.scale { height: .9rem; font-size: .75rem; }
.only-read { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.work { fill: light-dark(#c9ced5, #4a515a); }
.queue { fill: light-dark(#e3b341, #b58900); }
.lookup { fill: light-dark(#8a94a0, #7d8792); }
.fetch { fill: light-dark(#3d7fc4, #5b9bdc); }
.unpack { fill: light-dark(#7fb2e5, #2f6aa8); }
.materialise { fill: light-dark(#2a9d8f, #3dbfae); }
.start { fill: light-dark(#b07cc6, #9a63b3); }
.run { fill: light-dark(#4c9a3f, #62b853); }
.scan { fill: light-dark(#d98324, #e89b4a); }
.pack { fill: light-dark(#6d5bb0, #a594e6); }
.push { fill: light-dark(#c2577f, #e07aa0); }
.title { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
@media (max-width: 50rem) {
  body { padding: .75rem; }
  table, thead, tbody { display: block; }
  tr { display: grid; grid-template-columns: 1fr auto auto; border-top: 1px solid var(--line); }
  th, td { padding: .25rem; border-top: 0; }
  th:first-child, .number { width: auto; }
  .bars { grid-column: 1 / -1; padding-left: .5rem; }
}
`;
