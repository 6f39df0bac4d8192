import { imageOf } from './api.ts'
import { make } from './dom.ts'

const known = new Map<number, Promise<string>>()

/** A small picture of an example of the library; fetched once, with the key. */
export function pictureOf(id: number): HTMLElement {
  const box = make('span')
  const uri = known.get(id) ?? imageOf(id, 'small').then((blob) => URL.createObjectURL(blob))
  known.set(id, uri)
  const image = make('img')
  image.alt = `image of example ${id}`
  box.append(image)
  uri.then(
    (found) => (image.src = found),
    () => {
      known.delete(id)
      box.replaceChildren(make('span', 'none', 'no image'))
    },
  )
  return box
}

/** The bytes of a file as a data URI. */
export function dataUriOf(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as string)
    reader.onerror = () => reject(new Error('The file cannot be read.'))
    reader.readAsDataURL(blob)
  })
}
