// The question about a new photo, through the openai client: node docs/examples/ask.mjs PHOTO QUESTION
import { readFileSync } from 'node:fs'
import OpenAI from 'openai'

const [photo, text, baseURL = 'http://127.0.0.1:8080/v1'] = process.argv.slice(2)
const client = new OpenAI({ baseURL, apiKey: process.env.LEVER_SERVE_KEY ?? 'none' })
const url = `data:image/png;base64,${readFileSync(photo, 'base64')}`
const content = [
  { type: 'image_url', image_url: { url } },
  { type: 'text', text },
]
const messages = [{ role: 'user', content }]
const { choices, lever } = await client.chat.completions.create({ model: 'lever', messages })
console.log(choices[0].message.content)
for (const { id, question, answer } of lever.demonstrations) console.log(`shown: ${id} ${question} ${answer}`)
