export type { Example, ExamplePrompt } from '@lever/vqa-dataset'
