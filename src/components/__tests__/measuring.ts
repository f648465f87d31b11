/** Stand in for what jsdom lacks: sizes of texts and of elements, all of them nothing. */
export function measureNothing(): void {
  jest.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null);
  window.ResizeObserver ??= class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
}
