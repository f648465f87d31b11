import { elide, elidedText, elideTo } from '../elide';

const NAME =
  'data25_13p6TeV.00358044.physics_Main.deriv.DAOD_PHYSLITE.r15774_p6697';

describe('elide', () => {
  it('leaves a name alone that fits', () => {
    expect(elide('short', 10)).toEqual({ head: 'short', tail: '' });
  });

  it('leaves out the middle and keeps both ends', () => {
    const { head, tail } = elide(NAME, 30);
    expect(NAME.startsWith(head)).toBe(true);
    expect(NAME.endsWith(tail)).toBe(true);
    expect(elidedText({ head, tail })).toHaveLength(30);
  });

  it.each([16, 24, 40])(
    'shows what tells a name from its neighbours in %i characters',
    capacity => {
      const other = NAME.replace('00358044', '00358067');
      const shown = elidedText(elide(NAME, capacity, [other]));
      const otherShown = elidedText(elide(other, capacity, [NAME]));
      expect(shown).not.toEqual(otherShown);
      expect(shown.length).toBeLessThanOrEqual(capacity + 1);
    }
  );

  it('is not misled by a neighbour of the same name', () => {
    expect(elide(NAME, 30, [NAME])).toEqual(elide(NAME, 30));
  });
});

describe('elideTo', () => {
  it('fills the room and no more', () => {
    const measure = (text: string) => text.length * 7;
    const shown = elidedText(elideTo(NAME, 210, measure));
    expect(measure(shown)).toBeLessThanOrEqual(210);
    expect(measure(shown)).toBeGreaterThan(190);
  });
});
