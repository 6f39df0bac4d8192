export { backendNames, type BackendName } from './backends/index.ts'
export {
  backendsAbout,
  backendSettings,
  type BackendSchema,
  type BackendSettings,
} from './backends/settings.ts'
