/** The script of the page: sorting, switches of the plot, theme, the examples browser. It builds text nodes only. */
export const PAGE_SCRIPT: string = String.raw`
'use strict'
const all = (selector, root = document) => Array.from(root.querySelectorAll(selector))
const make = (tag, className, text) => {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

/** Text of the data, which may run from right to left. */
const own = (tag, text) => {
  const element = make(tag, '', text)
  element.dir = 'auto'
  return element
}

let closed = []
addEventListener('beforeprint', () => {
  closed = all('details:not([open])')
  for (const part of closed) part.open = true
})
addEventListener('afterprint', () => {
  for (const part of closed) part.open = false
})

for (const table of all('table.sortable')) {
  const heads = all('thead th', table)
  const body = table.querySelector('tbody')
  const original = all('tr', body)
  const keyOf = (row, column) => {
    const cell = row.children[column]
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value)
  }
  const compare = (a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b))
  heads.forEach((head, column) => {
    head.querySelector('button').addEventListener('click', () => {
      const numeric = original.some((row) => row.children[column].dataset.value !== undefined)
      const now = head.getAttribute('aria-sort')
      const next = now === null ? (numeric ? 'descending' : 'ascending') : now === 'ascending' ? 'descending' : 'ascending'
      for (const other of heads) other.removeAttribute('aria-sort')
      head.setAttribute('aria-sort', next)
      const rows = [...original].sort((x, y) => {
        const [a, b] = [keyOf(x, column), keyOf(y, column)]
        if (a === '' || b === '') return (a === '') - (b === '')
        return next === 'ascending' ? compare(a, b) : compare(b, a)
      })
      body.append(...rows)
    })
  })
}

for (const label of all('.legend label')) {
  const name = label.querySelector('[data-toggle]').dataset.toggle
  const chart = label.closest('figure').querySelector('.chart')
  const light = (on) => {
    chart.classList.toggle('dim', on)
    for (const group of all('.series', chart)) group.classList.toggle('lit', on && group.dataset.series === name)
  }
  for (const event of ['mouseenter', 'focusin']) label.addEventListener(event, () => light(true))
  for (const event of ['mouseleave', 'focusout']) label.addEventListener(event, () => light(false))
}

for (const input of all('[data-toggle]')) {
  input.addEventListener('change', () => {
    for (const group of all('.series', input.closest('figure'))) {
      if (group.dataset.series === input.dataset.toggle) group.style.display = input.checked ? '' : 'none'
    }
  })
}

const theme = document.querySelector('.theme')
theme?.addEventListener('change', () => {
  if (theme.value === '') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme.value
})

const source = document.getElementById('examples-data')
if (source) {
  const runs = JSON.parse(source.textContent)
  const root = document.getElementById('examples')
  const filters = Object.fromEntries(all('[data-filter]', root).map((field) => [field.dataset.filter, field]))
  const cards = root.querySelector('.cards')
  const status = root.querySelector('.status')
  const buttons = all('[data-page]', root)
  const PAGE = 10
  let page = 0
  const run = () => runs[Number(filters.run?.value ?? 0)]

  const fillTypes = () => {
    for (const name of ['questionType', 'answerType']) {
      const values = [...new Set(run().questions.map((question) => question[name]))].filter(Boolean).sort()
      filters[name].length = 1
      for (const value of values) filters[name].append(new Option(value, value))
      filters[name].closest('label').hidden = values.length < 2
    }
    for (const [i, name] of ['focus', 'against'].entries()) {
      root.querySelector('[data-name=' + name + ']').textContent = run().selectors[i]
    }
  }

  const matches = (question) => {
    const text = filters.text.value.trim().toLowerCase()
    const words = () =>
      [question.question, ...question.humans.map((human) => human[0]), ...question.picks.map((pick) => pick.answer)]
        .join(' ')
        .toLowerCase()
    return (
      (filters.outcome.value === '' || question.outcome === filters.outcome.value) &&
      (filters.questionType.value === '' || question.questionType === filters.questionType.value) &&
      (filters.answerType.value === '' || question.answerType === filters.answerType.value) &&
      (text === '' || words().includes(text))
    )
  }

  const picture = (index, alt) => {
    const uri = run().images[index]
    if (uri === undefined) return make('span', 'none', 'no image')
    const image = make('img')
    image.src = uri
    image.alt = alt
    return image
  }

  const pickBlock = (pick) => {
    const block = make('div', 'pick')
    const accuracy = pick.accuracy === null ? 'failed' : (100 * pick.accuracy).toFixed(0) + ' %'
    const right = pick.accuracy === null || pick.accuracy === 0 ? 'loss' : pick.accuracy >= 0.5 ? 'win' : 'tie'
    const said = make('p', 'said')
    said.append(pick.answer.trim() === '' ? make('em', '', 'no answer') : own('q', pick.answer))
    said.append(' ', make('span', 'badge ' + right, accuracy))
    block.append(make('h4', '', run().selectors[pick.selector]), said)
    if (pick.demonstrations.length === 0) {
      block.append(make('small', '', 'no demonstrations'))
      return block
    }
    const list = make('ol', 'shots')
    for (const at of pick.demonstrations) {
      const shown = run().shown[at]
      const item = make('li')
      item.append(picture(shown.image, 'image of example ' + shown.id), own('div', shown.question))
      item.append(own('strong', shown.answer))
      list.append(item)
    }
    block.append(list)
    return block
  }

  const humanAnswers = ({ humans }) => {
    const line = make('p', '', 'Human answers: ')
    humans.forEach(([answer, count], i) => {
      line.append(i > 0 ? ', ' : '', answer.trim() === '' ? make('em', '', 'no answer') : own('bdi', answer))
      if (count > 1) line.append(' ×' + count)
    })
    return line
  }

  const card = (question) => {
    const box = make('article', 'card')
    const asked = make('div', 'asked')
    const words = make('div')
    const badge = make('span', 'badge ' + question.outcome, question.outcome)
    words.append(own('h3', question.question), badge, humanAnswers(question))
    words.append(make('small', '', ['question ' + question.id, question.questionType, question.answerType].filter(Boolean).join(' · ')))
    asked.append(picture(question.image, 'image of question ' + question.id), words)
    const picks = make('div', 'picks')
    picks.append(...question.picks.map(pickBlock))
    box.append(asked, picks)
    return box
  }

  const draw = () => {
    const found = run().questions.filter(matches)
    const pages = Math.max(1, Math.ceil(found.length / PAGE))
    page = Math.min(Math.max(page, 0), pages - 1)
    cards.replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(card))
    status.textContent =
      found.length === 0
        ? 'No question matches.'
        : found.length + (found.length === 1 ? ' question' : ' questions') + ', page ' + (page + 1) + ' of ' + pages
    for (const button of buttons) {
      const next = page + Number(button.dataset.page)
      button.disabled = next < 0 || next >= pages
    }
  }

  for (const [name, field] of Object.entries(filters)) {
    field.addEventListener('input', () => {
      page = 0
      if (name === 'run') fillTypes()
      draw()
    })
  }
  root.querySelector('form').addEventListener('submit', (event) => event.preventDefault())
  for (const button of buttons) {
    button.addEventListener('click', () => {
      page += Number(button.dataset.page)
      draw()
      status.scrollIntoView({ block: 'nearest' })
    })
  }
  fillTypes()
  draw()
}
`
