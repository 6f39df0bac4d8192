import { DARK_VARIABLES, LIGHT_VARIABLES } from './svg/palette.ts'
import { CHART_STYLE } from './svg/standalone.ts'

/** The style of the page: system fonts, light and dark, from 320 px on. */
export const PAGE_STYLE: string = `
:root{color-scheme:light;${LIGHT_VARIABLES}}
@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${DARK_VARIABLES}}}
@media screen{:root[data-theme=dark]{color-scheme:dark;${DARK_VARIABLES}}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:1180px;margin:0 auto;padding:1rem}
h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}
h2{font-size:1.3rem;margin:2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
h3{font-size:1.05rem;margin:1.2rem 0 .4rem}
a{color:var(--accent)}
.skip{position:absolute;left:-999px}
.skip:focus{left:1rem;top:.5rem;background:var(--bg);padding:.4rem;z-index:1}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1rem;list-style:none;padding:0;margin:.5rem 0}
button,select,input{font:inherit;color:inherit;background:var(--soft);border:1px solid var(--muted);border-radius:6px;padding:.3rem .7rem;max-width:100%}
input[type=checkbox]{width:1.1rem;height:1.1rem;accent-color:var(--accent);padding:0}
button{cursor:pointer}
button:disabled{color:var(--muted);cursor:default}
.scroll{overflow-x:auto;margin:.8rem 0}
.wider{position:relative}
.wider.more::after{content:"more \\2192";position:absolute;right:0;top:-1.7rem;color:var(--accent);font-size:.85rem;background:var(--bg);padding:0 .3rem}
.wider.more .scroll{border-right:3px double var(--accent)}
table{border-collapse:collapse;font-size:.94rem;overflow-wrap:normal}
.caption{font-weight:600;margin:1.2rem 0 .2rem}
.caption::after{content:"";display:inline-block;width:4.4rem}
th,td{padding:.3rem .55rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}
thead th{background:var(--soft);padding:0}
table th:first-child{position:sticky;left:0}
tbody th{background:var(--bg)}
.long{white-space:normal;min-width:9rem}
.sort{background:none;border:0;width:100%;text-align:inherit;font-weight:600;padding:.35rem .55rem;white-space:normal;min-width:4.6rem;overflow-wrap:normal}
thead th{vertical-align:bottom}
.quiet{color:var(--muted)}
details{margin:1rem 0}
summary{cursor:pointer;color:var(--accent);padding:.2rem 0}
.bar{display:flex;flex-wrap:wrap;gap:.3rem 2rem;align-items:center;justify-content:space-between}
.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,13rem),1fr));gap:.6rem;margin:.8rem 0 1.4rem}
.key div{background:var(--soft);border-radius:8px;padding:.7rem .9rem}
.key dd strong{display:block;font-size:1.35rem;line-height:1.3}
.sort::after{content:"\\00a0\\2195";color:var(--muted)}
th[aria-sort=ascending] .sort::after{content:"\\00a0\\2191";color:inherit}
th[aria-sort=descending] .sort::after{content:"\\00a0\\2193";color:inherit}
small{color:var(--muted)}
figure{margin:1rem 0}
figcaption{font-weight:600;margin-bottom:.3rem}
${CHART_STYLE}
.chart{display:block;width:100%;min-width:320px;max-width:640px;height:auto}
.chart.small{min-width:0;max-width:340px}
.wide{display:grid;grid-template-columns:minmax(0,1fr);gap:.5rem 1.5rem;align-items:start}
@media (min-width:900px){.wide{grid-template-columns:minmax(0,640px) minmax(0,1fr)}}
.wide figcaption{grid-column:1/-1}
.wide .scroll{margin:0}
.crowded .band{display:none}
.crowded .series:hover .band,.crowded .lit .band{display:inline}
.chart.dim .series:not(.lit){opacity:.15}
.chart .lit .band{opacity:.3}
figcaption small{display:block;font-weight:400}
main{padding-top:0}
header{padding-bottom:0}
main>section:first-child h2{margin-top:1rem}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:1rem}
.grid.narrow{grid-template-columns:repeat(auto-fit,minmax(min(100%,260px),1fr))}
.grid>*{min-width:0}
.legend{border:1px solid var(--line);border-radius:6px;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:.5rem .8rem;margin:0;min-width:0}
.legend label,.filters label{display:inline-flex;align-items:center;gap:.4rem;max-width:100%}
.filters{display:flex;flex-wrap:wrap;gap:.6rem 1rem;margin:.8rem 0}
.warnings{border-left:4px solid var(--bad);background:var(--soft);padding:.5rem 1rem;margin:1rem 0}
.warnings ul{margin:.2rem 0}
.cards{display:grid;gap:1rem}
.card{border:1px solid var(--line);border-radius:8px;padding:1rem}
.card h3{margin:0 0 .3rem}
.asked{display:flex;flex-wrap:wrap;gap:1rem}
.asked>div{flex:1 1 14rem;min-width:0}
.picks{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:0 1.2rem}
.said{margin:0 0 .5rem}
.card img,.none{width:112px;height:112px;object-fit:contain;background:var(--soft);border:1px solid var(--line);border-radius:4px}
.none{display:inline-flex;align-items:center;justify-content:center;color:var(--muted);font-size:.8rem;text-align:center}
.pick{border-top:1px solid var(--line);margin-top:.8rem;padding-top:.6rem}
.pick h4{margin:0;font-size:.92rem;color:var(--muted)}
.shots{display:flex;flex-wrap:wrap;gap:.8rem;list-style:none;margin:0;padding:0}
.shots li{width:120px;font-size:.88rem;line-height:1.35}
.win{color:var(--good)}.loss{color:var(--bad)}.tie{color:var(--muted)}
.badge{border:1px solid currentColor;border-radius:99px;padding:0 .6rem;font-size:.85rem;font-weight:600}
.pages{display:flex;gap:.6rem;margin:1rem 0}
dl{display:grid;grid-template-columns:minmax(0,max-content) minmax(0,1fr);gap:.2rem 1rem}
dt{color:var(--muted)}dd{margin:0}
footer{color:var(--muted);font-size:.9rem}
@media (max-width:640px){td small{display:block}th,td{padding:.3rem .4rem}.sort{padding:.35rem .4rem}.shots li{width:112px}.card{padding:.7rem}}
@media print{
.filters,.pages,.skip,.bar,.legend input,.legend legend,summary,.screen{display:none}
.legend{border:0;padding:0}
.scroll{overflow:visible}
.wider.more::after{content:none}
.wider.more .scroll{border:0}
.chart{max-width:520px}
header,main,footer{padding-left:0;padding-right:0}
table{font-size:.7rem}
th,td,.sort{padding:.15rem .25rem}
td small{display:block}
tbody th,.sort{min-width:0;white-space:normal}
.many th+th .sort{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;white-space:nowrap;max-height:16em;overflow:hidden}
.many{font-size:.62rem}
.many th,.many td{padding:.15rem}
.sort::after{content:none}
figure,.card,tr,.key div{break-inside:avoid}
h2,h3,.caption,figcaption{break-after:avoid}
}
`
