import { PAGE_STYLE } from '@lever/icl-eval'

/** The style of report.html, and what only this page has. */
export const pageStyle = (): string => `${PAGE_STYLE}
[hidden]{display:none!important}
.row{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:center}
form .row{margin:.6rem 0}
.row label{display:inline-flex;gap:.4rem;align-items:center;max-width:100%}
.words>label{font-weight:600}
#question{width:100%;margin-top:.2rem}
#shots{width:4.5rem}
.go{background:var(--accent);color:var(--bg);border-color:var(--accent);font-weight:600;padding:.3rem 1.4rem}
.go:disabled{background:var(--soft);color:var(--muted);border-color:var(--muted)}
.asked>.picture{flex:0 1 18rem}
.asked>.words{flex:1 1 20rem}
.drop{display:flex;flex-direction:column;gap:.4rem;align-items:center;justify-content:center;text-align:center;min-height:13rem;padding:.8rem;border:2px dashed var(--muted);border-radius:8px;background:var(--soft)}
.drop.over{border-color:var(--accent);border-style:solid}
.drop img{width:100%;height:11rem;object-fit:contain}
.file{position:relative;color:var(--accent);text-decoration:underline;cursor:pointer}
.file input{position:absolute;inset:0;width:100%;height:100%;opacity:0;cursor:pointer;padding:0}
.file:focus-within{outline:3px solid var(--accent);outline-offset:2px}
.examples{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,9rem),1fr));gap:.6rem}
.examples button{display:flex;flex-direction:column;gap:.2rem;align-items:flex-start;text-align:left;font-size:.88rem;line-height:1.3;padding:.5rem}
.examples img{width:100%;height:80px;object-fit:contain}
.answer{font-size:1.35rem;font-weight:600;margin:.2rem 0}
.card.failed{border-color:var(--bad)}
.shots .facts{font-size:.78rem;color:var(--muted);font-variant-numeric:tabular-nums}
.card img,.none{image-rendering:auto}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--soft);padding:.6rem;border-radius:6px;font-size:.85rem;max-height:20rem;overflow:auto;margin:.4rem 0}
.waiting{color:var(--muted)}
#answers{grid-template-columns:repeat(auto-fit,minmax(min(100%,266px),1fr))}
#answers .shots li{width:104px}
#answers .card img{width:104px;height:104px}
`
