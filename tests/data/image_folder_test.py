"""Tests of the source of one folder per class."""

import os

import tensorflow as tf
from PIL import Image

from rtml_tf.data.image_folder import ImageFolder


class ImageFolderTest(tf.test.TestCase):
    def _root(self, *files: str) -> str:
        root = self.create_tempdir().full_path
        for file in files:
            path = os.path.join(root, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if file.lower().endswith((".jpg", ".jpeg", ".png", ".bmp")):
                Image.new("RGB", (5, 5), (255, 0, 0)).save(path)
            else:
                open(path, "wb").close()
        return root

    def test_lists_classes_and_images_in_order(self):
        files = ("b/2.PNG", "b/10.jpg", "a/z.jpeg", "a/y.Bmp", "B/1.jpg")
        folder = ImageFolder(root=self._root(*files), image_size=(3, 3))
        self.assertEqual(folder.class_names, ("B", "a", "b"))
        self.assertEqual(folder.keys, ("B/1.jpg", "a/y.Bmp", "a/z.jpeg", "b/10.jpg", "b/2.PNG"))
        self.assertAllEqual(folder.labels, [0, 1, 1, 2, 2])
        for image in tf.data.Dataset.range(5).map(folder.load):
            self.assertAllClose(image[1, 1], (1.0, 0.0, 0.0), atol=0.01)

    def test_ignores_hidden_entries_silently_and_others_with_a_line_in_the_log(self):
        wanted = ("a/1.jpg", "a/.2.jpg", ".git/x.jpg")
        root = self._root(*wanted, "a/deep/3.jpg", "a/notes.txt", "r.png")
        with self.assertLogs(level="WARNING") as logs:
            folder = ImageFolder(root=root, image_size=(3, 3))
        self.assertEqual(folder.keys, ("a/1.jpg",))
        self.assertRegex(logs.output[0], r"Ignored 3 files .*\.txt: 1")
        with self.assertNoLogs(level="WARNING"):
            ImageFolder(root=self._root(*wanted), image_size=(3, 3))

    def test_a_dangling_link_is_an_unreadable_image(self):
        root = self._root("a/1.jpg")
        os.symlink(os.path.join(root, "nothing.jpg"), os.path.join(root, "a", "2.jpg"))
        with self.assertRaisesRegex(ValueError, r"1 of 2 images cannot be read: .*a/2\.jpg"):
            ImageFolder(root=root, image_size=(3, 3))

    def test_refuses_a_missing_root(self):
        with self.assertRaisesRegex(ValueError, "root must be an existing folder, got 'no/such'"):
            ImageFolder(root="no/such", image_size=(3, 3))

    def test_refuses_a_root_without_class_folders(self):
        with self.assertRaisesRegex(ValueError, "has no class folders .* it holds 1 files"):
            ImageFolder(root=self._root("1.jpg"), image_size=(3, 3))

    def test_refuses_an_empty_class(self):
        root = self._root("a/1.jpg")
        os.mkdir(os.path.join(root, "b"))
        with self.assertRaisesRegex(ValueError, r"/b' has no image .* \(it is empty\)"):
            ImageFolder(root=root, image_size=(3, 3))
        with self.assertRaisesRegex(ValueError, r"/b' has no image .*, e\.g\. 1\.webp\)"):
            ImageFolder(root=self._root("b/1.webp"), image_size=(3, 3))


if __name__ == "__main__":
    tf.test.main()
