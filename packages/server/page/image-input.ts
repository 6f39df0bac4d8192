import { one } from './dom.ts'
import { dataUriOf } from './pictures.ts'

/** The image that is asked about: dropped, pasted, chosen as a file, or set. */
export interface ImageInput {
  /** as a data URI; empty before there is one */
  readonly uri: string
  set(image: Blob): Promise<void>
}

export function imageInput(changed: () => void, fail: (error: Error) => void): ImageInput {
  const [drop, preview] = [one('drop'), one('preview', HTMLImageElement)]
  const file = one('file', HTMLInputElement)
  let uri = ''

  async function set(image: Blob): Promise<void> {
    uri = await dataUriOf(image)
    preview.src = uri
    preview.alt = 'the image that is asked about'
    preview.hidden = false
    one('drop-text').textContent = 'Drop another, paste one, or'
    changed()
  }
  const take = (files: FileList | undefined): void => {
    const image = Array.from(files ?? []).find(({ type }) => type.startsWith('image/'))
    if (image === undefined) fail(new Error('That is not an image file.'))
    else set(image).catch(fail)
  }

  file.addEventListener('change', () => take(file.files ?? undefined))
  for (const name of ['dragenter', 'dragover'] as const) {
    document.addEventListener(name, (event) => {
      event.preventDefault()
      drop.classList.add('over')
    })
  }
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) drop.classList.remove('over')
  })
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    drop.classList.remove('over')
    take(event.dataTransfer?.files)
  })
  document.addEventListener('paste', (event) => {
    if ((event.clipboardData?.files.length ?? 0) > 0) take(event.clipboardData?.files)
  })
  return {
    get uri() {
      return uri
    },
    set,
  }
}
