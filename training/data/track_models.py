"""The models that `training.data.build_tracks` asks, in transformers' format, each behind one function."""

import json
import re

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from training.data.clip import unusable
from training.data.pretrained import load_pretrained
from training.data.yes_or_no import YesOrNoModel

ASKED = (
    "List who does what to what in this sentence. Answer with JSON only, in the form "
    '{{"instances": [{{"id": 1, "noun": "man", "look": "in a red shirt"}}, {{"id": 2, "noun": "mug", "look": "blue"}}],'
    ' "triplets": [{{"subject": 1, "verb": "picks up", "object": 2, "contact": true, "dynamic": true}}]}}. Give words'
    " as the sentence has them; contact: whether they touch; dynamic: whether something moves. The sentence: {caption}"
)
MOST_NEW_TOKENS = 400
BOX_THRESHOLD = 0.25
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class LanguageModel:
    """Any causal language model. Raises: VideoError: MODEL_MISSING."""

    def __init__(self, model: str, device: str = "cpu"):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.model, self.tokenizer = load_pretrained(model, AutoModelForCausalLM, AutoTokenizer, device=device)

    @torch.no_grad()
    def interactions(self, name: str, caption: str) -> dict:
        """What the model reads out of a caption, not checked. Raises: InputError when its answer holds no JSON."""
        prompt = ASKED.format(caption=caption)
        if self.tokenizer.chat_template:
            chat = [{"role": "user", "content": prompt}]
            prompt = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        inputs = self.tokenizer(prompt, return_tensors="pt").to(self.model.device)
        tokens = self.model.generate(**inputs, max_new_tokens=MOST_NEW_TOKENS, do_sample=False)  # pyright: ignore[reportAttributeAccessIssue]
        said = self.tokenizer.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        found = re.search(r"\{.*\}", said, re.DOTALL)
        try:
            return json.loads(found.group() if found else "")
        except ValueError as error:
            raise unusable(name, f"the language model answers without JSON: {said.strip()[:60]!r}") from error


class Detector:
    """GroundingDINO. Raises: VideoError: MODEL_MISSING."""

    def __init__(self, model: str, device: str = "cpu"):
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        self.model, self.processor = load_pretrained(
            model, AutoModelForZeroShotObjectDetection, AutoProcessor, device=device
        )

    @torch.no_grad()
    def boxes(self, image: np.ndarray, words: str) -> list[list[float]]:  # (H, W, 3) u8
        """Left, top, right, bottom in pixels and score of what the words may mean, the likeliest first."""
        inputs = self.processor(images=image, text=f"{words.lower()}.", return_tensors="pt").to(self.model.device)
        output = self.model(**inputs)
        found = self.processor.post_process_grounded_object_detection(
            output, inputs["input_ids"], threshold=BOX_THRESHOLD, target_sizes=[image.shape[:2]]
        )[0]
        rows = [[*box.tolist(), float(score)] for box, score in zip(found["boxes"], found["scores"])]
        return sorted(rows, key=lambda row: -row[-1])


class Checker:
    """A vision-language model that is asked whether a box shows what it should. Raises: VideoError: MODEL_MISSING."""

    def __init__(self, model: str, device: str = "cpu"):
        self.asked = YesOrNoModel(model, device)

    def shows(self, image: np.ndarray, box: list[float], words: str) -> bool:
        left, top, right, bottom = (int(round(v)) for v in box[:4])
        cut = image[max(top, 0) : max(bottom, top + 1), max(left, 0) : max(right, left + 1)]
        return self.asked.says_yes([np.ascontiguousarray(cut)], f"Does this picture show {words}? Answer yes or no.")


class Tracker:
    """SAM 2. Raises: VideoError: MODEL_MISSING."""

    def __init__(self, model: str, device: str = "cpu"):
        from transformers import Sam2VideoModel

        [self.model] = load_pretrained(model, Sam2VideoModel, device=device)

    @torch.no_grad()
    def tracks(self, frames: np.ndarray, boxes: dict[int, list[float]]) -> dict[int, np.ndarray]:
        """Masks (T, H, W) bool by instance, from a box (pixels) of each in the first of the frames (T, H, W, 3) u8."""
        from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

        # the processor of transformers needs torchvision for the little that it does
        count, height, width = frames.shape[:3]
        side = self.model.config.prompt_encoder_config.image_size  # pyright: ignore[reportAttributeAccessIssue]
        resized = np.stack([cv2.resize(f, (side, side), interpolation=cv2.INTER_LINEAR) for f in frames])
        pixels = torch.from_numpy(resized).permute(0, 3, 1, 2).float() / 255
        pixels = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        session = Sam2VideoInferenceSession(
            pixels,
            height,
            width,
            inference_device=self.model.device,
            inference_state_device=self.model.device,
            video_storage_device=self.model.device,
            dtype=torch.float32,
        )
        scale = torch.tensor([side / width, side / height])
        for instance, box in boxes.items():
            corners = torch.tensor(box[:4], dtype=torch.float32).view(1, 1, 2, 2) * scale
            labels = torch.tensor([[[2, 3]]], dtype=torch.int32)  # upper left and lower right corner of a box
            index = session.obj_id_to_idx(instance)
            session.add_point_inputs(index, 0, {"point_coords": corners, "point_labels": labels})
        session.obj_with_new_inputs = list(boxes)
        tracks = {instance: np.zeros((count, height, width), bool) for instance in boxes}
        for output in self.model.propagate_in_video_iterator(session, start_frame_idx=0):
            masks = F.interpolate(output.pred_masks.float().cpu(), size=(height, width), mode="bilinear")[:, 0] > 0
            for instance, mask in zip(output.object_ids, masks, strict=True):
                tracks[instance][output.frame_idx] = mask.numpy()
        return tracks
