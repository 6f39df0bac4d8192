/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`. */
export function seconds(value: number): string {
  if (value < 9.95) return `${value.toFixed(1)} s`
  if (value < 99.5) return `${Math.round(value)} s`
  const minutes = Math.floor(Math.round(value) / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(value) % 60} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}
