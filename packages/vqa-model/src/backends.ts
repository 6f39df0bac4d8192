export {
  backendNames,
  type BackendName,
  backendsAbout,
  backendSettings,
  type BackendSchema,
  type BackendSettings,
} from './backends/settings.ts'
