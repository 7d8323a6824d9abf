package diagram

// Style is the style sheet of the pictures, for pages with an embedded SVG. A page changes
// colours by setting the custom properties of .automation-diagram. Its attribute data-theme,
// "light" or "dark", on the root element or on the picture overrides what the reader prefers.
const Style = `
.automation-diagram {` + lightColours + `}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme=light]) .automation-diagram:not([data-theme=light]),
  :root.automation-diagram:not([data-theme=light]) {` + darkColours + `}
}
:root[data-theme=dark] .automation-diagram:not([data-theme=light]),
.automation-diagram[data-theme=dark] {` + darkColours + `}
` + rules

const lightColours = `
  --ground: #f6f8fa; --card: #fff; --border: #d3dae2; --line: #8490a0; --faint-line: #c5ccd6;
  --text: #14171c; --muted: #56606d; --accent: #2450d3;
  --green: #12703f; --green-tint: #e2f4ea; --green-line: #1f9d5b;
  --red: #b6231b; --red-tint: #fde8e7; --red-card: #fff8f7; --red-line: #d4443b;
  --blue: #2450d3; --blue-tint: #e6ecfc; --blue-line: #4c74ea;
  --amber: #7a4b00; --amber-tint: #fff0d6; --amber-card: #fffcf5; --amber-line: #b87d14;
  --violet: #6a3bb5; --violet-tint: #f0e9fb; --teal: #0b6670; --teal-tint: #dcf2f3;
  --grey: #56606d; --grey-tint: #edf0f4;
`

const darkColours = `
  --ground: #0f1216; --card: #191e25; --border: #343c47; --line: #667182; --faint-line: #3f4854;
  --text: #e8ebf0; --muted: #a3acb9; --accent: #8ba9ff;
  --green: #74d49f; --green-tint: #14351f; --green-line: #3fae74;
  --red: #ff9a91; --red-tint: #431a18; --red-card: #221a1c; --red-line: #e0675e;
  --blue: #9db6ff; --blue-tint: #1d2a50; --blue-line: #6f8ff0;
  --amber: #f0c274; --amber-tint: #3b2c10; --amber-card: #201e1c; --amber-line: #c2913a;
  --violet: #c7aef5; --violet-tint: #2d2145; --teal: #74cfd8; --teal-tint: #10343a;
  --grey: #a3acb9; --grey-tint: #282f38;
`

const rules = `.automation-diagram { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; max-width: 100%; height: auto; }
.automation-diagram .ground { fill: var(--ground); }
.automation-diagram text { fill: var(--text); font-size: 12px; }
.automation-diagram .box { fill: var(--card); stroke: var(--border); stroke-width: 1.25; }
.automation-diagram .key { font-size: 13px; font-weight: 650; }
.automation-diagram .summary { fill: var(--muted); }
.automation-diagram .rule { stroke: var(--border); }
.automation-diagram .icon, .automation-diagram .status path { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }
.automation-diagram .tile { fill: var(--grey-tint); }
.automation-diagram .icon { color: var(--grey); }
.automation-diagram .trigger .tile { fill: var(--green-tint); }
.automation-diagram .trigger .icon { color: var(--green); }
.automation-diagram .email .tile { fill: var(--blue-tint); }
.automation-diagram .email .icon { color: var(--blue); }
.automation-diagram .wait .tile, .automation-diagram .delay .tile { fill: var(--amber-tint); }
.automation-diagram .wait .icon, .automation-diagram .delay .icon { color: var(--amber); }
.automation-diagram .condition .tile { fill: var(--violet-tint); }
.automation-diagram .condition .icon { color: var(--violet); }
.automation-diagram .update .tile, .automation-diagram .segment .tile { fill: var(--teal-tint); }
.automation-diagram .update .icon, .automation-diagram .segment .icon { color: var(--teal); }
.automation-diagram .delete .tile { fill: var(--red-tint); }
.automation-diagram .delete .icon { color: var(--red); }

.automation-diagram .line { fill: none; stroke: var(--line); stroke-width: 1.6; }
.automation-diagram .tip, .automation-diagram .end { fill: var(--line); }
.automation-diagram .line.up { stroke: var(--amber-line); }
.automation-diagram .tip.up { fill: var(--amber-line); }
.automation-diagram .label rect { fill: var(--card); stroke: var(--border); }
.automation-diagram .label text { fill: var(--muted); font-size: 11px; text-anchor: middle; }

.automation-diagram.of-run .line { stroke: var(--faint-line); stroke-dasharray: 5 5; }
.automation-diagram.of-run .tip, .automation-diagram.of-run .end { fill: var(--faint-line); }
.automation-diagram.of-run .line.taken { stroke: var(--green-line); stroke-width: 2.5; stroke-dasharray: none; }
.automation-diagram.of-run .tip.taken, .automation-diagram.of-run .end.taken { fill: var(--green-line); }
.automation-diagram.of-run .label.taken rect { fill: var(--green-tint); stroke: var(--green-line); }
.automation-diagram.of-run .label.taken text { fill: var(--green); font-weight: 650; }
.automation-diagram .unreached .box { stroke: var(--faint-line); stroke-dasharray: 5 4; fill: var(--ground); }
.automation-diagram .unreached .tile { fill: var(--grey-tint); }
.automation-diagram .unreached .icon { color: var(--grey); }
.automation-diagram .unreached .key { fill: var(--muted); }

.automation-diagram .status { color: var(--grey); }
.automation-diagram .status rect { fill: var(--grey-tint); stroke: var(--grey); }
.automation-diagram .status text { fill: var(--grey); font-size: 11px; font-weight: 650; }
.automation-diagram .status path { stroke-width: 1.8; }
.automation-diagram .completed .box { stroke: var(--green-line); }
.automation-diagram .completed .status { color: var(--green); }
.automation-diagram .completed .status rect { fill: var(--green-tint); stroke: var(--green-line); }
.automation-diagram .completed .status text { fill: var(--green); }
.automation-diagram .failed .box { stroke: var(--red-line); stroke-width: 2.25; fill: var(--red-card); }
.automation-diagram .failed .status { color: var(--red); }
.automation-diagram .failed .status rect { fill: var(--red-tint); stroke: var(--red-line); }
.automation-diagram .failed .status text { fill: var(--red); }
.automation-diagram .waiting .box { stroke: var(--amber-line); stroke-width: 2.25; fill: var(--amber-card); }
.automation-diagram .waiting .status { color: var(--amber); }
.automation-diagram .waiting .status rect { fill: var(--amber-tint); stroke: var(--amber-line); }
.automation-diagram .waiting .status text { fill: var(--amber); }
.automation-diagram .running .box { stroke: var(--blue-line); stroke-width: 2.25; }
.automation-diagram .running .status { color: var(--blue); }
.automation-diagram .running .status rect { fill: var(--blue-tint); stroke: var(--blue-line); }
.automation-diagram .running .status text { fill: var(--blue); }

.automation-diagram .selected .box { stroke: var(--accent); stroke-width: 2.5; stroke-dasharray: none; }
.automation-diagram a { text-decoration: none; outline: none; }
.automation-diagram a:hover .box { stroke: var(--accent); }
.automation-diagram a:focus-visible .box { stroke: var(--accent); stroke-width: 5; stroke-dasharray: none; }
`
