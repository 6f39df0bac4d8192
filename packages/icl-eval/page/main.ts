import { fillExamples } from './examples.ts'
import { openForPrint } from './print.ts'
import { linkLegend } from './legend.ts'
import { makeSortable } from './sortable.ts'
import { switchTheme } from './theme.ts'
import { markWider } from './wider.ts'

/** The script of the page. It builds elements and text nodes only, never markup. */
openForPrint()
makeSortable()
markWider()
linkLegend()
switchTheme()
fillExamples()
