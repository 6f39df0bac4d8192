import { expect, test } from '@jest/globals'
import { readWholeRules } from '../../src/pixels/whole-rules.ts'

const config = (values: Record<string, unknown>): Parameters<typeof readWholeRules>[0] => ({
  file: 'preprocessor_config.json',
  values,
})

test('an image has one size, which no limits change', () => {
  const values = { image_processor_type: 'SiglipImageProcessor', size: { height: 98, width: 56 } }
  expect(readWholeRules(config(values)).limits).toEqual({ min: 5488, max: 5488 })
  for (const name of ['min', 'max']) {
    expect(() => readWholeRules(config(values), { [name]: 1000 })).toThrow(
      `pixels.${name} is 1000 (--${name}-pixels), but this model resizes every image to one size`,
    )
  }
})

test('the colour around an image is the mean, cut to a whole number', () => {
  const size = { height: 98, width: 98 }
  const oneVision = { image_processor_type: 'LlavaOnevisionImageProcessorFast', size }
  expect(readWholeRules(config(oneVision)).surround).toEqual([122, 116, 104])
  expect(readWholeRules(config({ ...oneVision, image_mean: 0.5 })).surround).toEqual([127, 127, 127])
  expect(
    readWholeRules(config({ image_processor_type: 'SiglipImageProcessor', size })).surround,
  ).toBeUndefined()
})

test('a size that differs from image to image is refused', () => {
  const values = { image_processor_type: 'SiglipImageProcessor', size: { shortest_edge: 56 } }
  expect(() => readWholeRules(config(values))).toThrow('images would come out in different sizes')
})
