"""Tests of the drawn street scenes."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.scene_canvas import SceneCanvas
from rtml_tf.data.scene_drawing import CLASS_NAMES, VOID, draw_scene
from rtml_tf.data.scene_styles import DuskStyle
from rtml_tf.data.scenes import Scenes


def _arrays(scenes: Scenes) -> tuple[np.ndarray, np.ndarray]:
    examples = tf.data.Dataset.range(len(scenes)).map(scenes.load)
    images, masks = examples.batch(len(scenes)).get_single_element()
    return images.numpy(), masks.numpy()


class SceneCanvasTest(tf.test.TestCase):
    def test_image_and_mask_change_at_the_same_pixels(self):
        canvas = SceneCanvas(height=40, width=60)
        self.assertEqual(canvas.width, 1.5)
        canvas.box(1, (0.1, 0.2), (0.5, 0.4), (1, 1, 1))
        canvas.ellipse(2, (0.8, 0.5), (0.3, 0.2), (2, 2, 2))
        canvas.polygon(3, [(0.4, 0.3), (0.9, 0.4), (0.6, 0.9)], (3, 3, 3))
        image, mask = canvas.arrays()
        self.assertAllEqual(image, np.repeat(mask[:, :, np.newaxis], 3, axis=2))
        self.assertEqual(set(np.unique(mask)), {0, 1, 2, 3})
        self.assertEqual(mask[12, 8], 1)  # x 0.2, y 0.3


class ScenesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._cache = self.create_tempdir().full_path

    def _scenes(self, **arguments) -> Scenes:
        return Scenes(**{"count": 12, "cache_dir": self._cache, **arguments})

    def test_all_classes_occur_where_they_belong(self):
        """The sky is above the road, of which the front of a car covers a part."""
        images, masks = _arrays(self._scenes(count=30))
        self.assertEqual((images.shape, masks.shape), ((30, 64, 96, 3), (30, 64, 96)))
        self.assertEqual(set(np.unique(masks)), {*range(len(CLASS_NAMES)), VOID})
        rows = np.broadcast_to(np.arange(64)[:, np.newaxis], masks.shape)
        heights = {name: rows[masks == i].mean() for i, name in enumerate(CLASS_NAMES)}
        self.assertLess(heights["sky"], heights["building"])
        self.assertLess(heights["building"], heights["pavement"])
        self.assertLess(heights["tree"], heights["road"])
        self.assertGreater(rows[masks == VOID].min(), 50)

    def test_more_scenes_only_add_and_another_seed_changes(self):
        few, more = self._scenes(count=3), self._scenes(count=5)
        for one, other in zip(_arrays(few), _arrays(more)):
            self.assertAllEqual(one, other[:3])
        self.assertNotAllEqual(_arrays(few)[1], _arrays(self._scenes(count=3, seed=1))[1])

    def test_a_style_shows_the_same_things(self):
        images, masks = _arrays(self._scenes())
        styled, same_masks = _arrays(self._scenes(style=DuskStyle()))
        self.assertAllEqual(masks, same_masks)
        self.assertLess(styled.mean(), 0.7 * images.mean())

    def test_aligned_classes_look_the_same_and_the_others_do_not(self):
        images, masks = _arrays(self._scenes())
        styled, _ = _arrays(self._scenes(style=DuskStyle(aligned=("road", "car"))))
        for number, name in enumerate(CLASS_NAMES):
            changed = np.any(styled != images, axis=-1)[masks == number].mean()
            if name in ("road", "car"):
                self.assertEqual(changed, 0.0)
            else:
                self.assertGreater(changed, 0.9)

    def test_no_strength_is_no_change(self):
        images, _ = _arrays(self._scenes(count=3))
        self.assertAllEqual(
            images, _arrays(self._scenes(count=3, style=DuskStyle(strength=0.0)))[0]
        )

    def test_any_size(self):
        scenes = self._scenes(count=1, image_size=(33, 80))
        image, mask = scenes.load(tf.constant(0, tf.int64))
        self.assertEqual((image.shape, mask.shape), ((33, 80, 3), (33, 80)))

    def test_a_cached_set_is_the_same(self):
        style = DuskStyle(aligned=("sky",))
        for one, other in zip(*(_arrays(self._scenes(style=style)) for _ in range(2))):
            self.assertAllEqual(one, other)
        drawn, _ = draw_scene(height=64, width=96, rng=_first_generator())
        self.assertAllEqual(np.rint(255 * _arrays(self._scenes())[0][0]), drawn)

    @parameterized.parameters(
        (lambda: Scenes(count=0), "count must be at least 1, got 0"),
        (lambda: Scenes(count=1, seed=-1), "seed must not be negative, got -1"),
        (lambda: Scenes(count=1, image_size=(31, 64)), "at least 32x32"),
        (lambda: DuskStyle(strength=1.1), r"strength must be in \[0, 1\], got 1.1"),
        (lambda: DuskStyle(aligned=("roof",)), "aligned must be some of sky, .*, got 'roof'"),
    )
    def test_refuses(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            make()


def _first_generator() -> np.random.Generator:
    """That of what is in scene 0 of seed 0."""
    sequence = np.random.SeedSequence(0, spawn_key=(0,)).spawn(2)[0]
    return np.random.Generator(np.random.Philox(sequence))


if __name__ == "__main__":
    tf.test.main()
