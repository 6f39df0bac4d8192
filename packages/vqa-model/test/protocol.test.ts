import { expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openVqaModel, readProtocol, type OnnxOptions, type VqaModelOptions } from '../src/index.ts'
import { killServers, startServer } from './support/openai-server.ts'
import { writeTinyIdefics } from './support/tiny-idefics.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { bundledModel, temporaryFolder } from './support/world.ts'

async function expectSame(options: VqaModelOptions): Promise<string> {
  const model = await openVqaModel(options)
  await model.close()
  const { name, protocol, protocolHash, needs } = model
  expect(await readProtocol(options)).toEqual({ name, protocol, protocolHash, needs })
  return protocolHash
}

test('the protocol without the model is that of the opened one, hash included', async () => {
  const [grid, tiles] = [await temporaryFolder(), await temporaryFolder()]
  await writeTinyModel(grid)
  await writeTinyIdefics(tiles)
  const variants: Omit<OnnxOptions, 'model'>[] = [
    {},
    { template: 'shapes' },
    { system: 'Answer in one word.' },
    { pixels: { max: 50_000 } },
    { pixels: { resizer: 'torchvision' } },
    { beams: 3, maxNewTokens: 7 },
    { postprocess: 'trim', metric: 'aokvqa' },
  ]
  for (const model of [grid, tiles]) {
    const hashes = new Set<string>()
    for (const options of variants)
      hashes.add(await expectSame({ backend: 'onnx', model, ...(options as object) }))
    expect(hashes.size).toBe(variants.length)
  }
  const { baseUrl } = await startServer()
  await expectSame({ backend: 'openai', baseUrl, metric: 'aokvqa' })
  killServers()
  await expectSame({ backend: 'scripted', model: 'toy', script: () => 'red' })
})

test('the hash of the bundled model, by which data that exist are told apart', async () => {
  const { protocolHash, protocol } = await readProtocol({ backend: 'onnx', model: bundledModel })
  expect(protocol).toMatchObject({
    template: 'shapes',
    metric: 'vqa-loo',
    pixels: { min: 3136, max: 3136, resizer: 'pillow bicubic' },
  })
  expect(protocolHash).toBe('49df17dfd79fe8503136992ed73a9641271eb71ad2ff41224b3a7324f92b19d9')
})

test('no session is opened: a file that is not a model is hashed as any other', async () => {
  const folder = await writeTinyModel(await temporaryFolder())
  const options = { backend: 'onnx', model: folder } as const
  const { protocolHash } = await readProtocol(options)
  await writeFile(join(folder, 'onnx/decoder_model_merged.onnx'), 'this is not a model')
  expect((await readProtocol(options)).protocolHash).not.toBe(protocolHash)
  await expect(openVqaModel(options)).rejects.toThrow('cannot open')
})

test('what is wrong with the files or an option is said as by opening', async () => {
  const model = await writeTinyModel(await temporaryFolder())
  for (const [options, message] of [
    [{ model: '/nowhere' }, 'there is no model folder /nowhere'],
    [{ dtype: 'q4' }, 'dtypes of embed_tokens that exist: fp32'],
    [{ template: 'none' }, 'unknown prompt template "none"'],
    [{ beams: 2 as 1 }, 'beams is 2'],
    [{ postprocess: 'none' }, 'unknown post-processing "none"'],
  ] as const) {
    const refused = readProtocol({ backend: 'onnx', model, ...(options as object) })
    await expect(refused).rejects.toMatchObject({ code: 'LEVER_INPUT' })
    await expect(refused).rejects.toThrow(message)
  }
})
