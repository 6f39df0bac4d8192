"""Vision-language models of every family with tiny random weights, with tokenizers and processors of their own.

Nothing is downloaded: configurations are classes of transformers, the vocabulary is learnt from texts.
"""

import any_torchvision  # noqa: F401
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.configuration_idefics3 import Idefics3Config
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor
from transformers.models.llava.configuration_llava import LlavaConfig
from transformers.models.llava.processing_llava import LlavaProcessor
from transformers.models.llava_onevision.configuration_llava_onevision import LlavaOnevisionConfig
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.models.llava_onevision.processing_llava_onevision import LlavaOnevisionProcessor
from transformers.models.llava_onevision.video_processing_llava_onevision import LlavaOnevisionVideoProcessor
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLConfig
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLConfig
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLConfig
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMConfig
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.models.smolvlm.processing_smolvlm import SmolVLMProcessor
from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

VOCABULARY = 640
HALF = [0.5, 0.5, 0.5]

QWEN_TOKENS = "<|endoftext|> <|im_start|> <|im_end|> <|vision_start|> <|vision_end|> <|image_pad|> <|video_pad|>".split()
QWEN_CHAT = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in part %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

PLACES = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
IDEFICS_TOKENS = ["<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"] + PLACES
IDEFICS_CHAT = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


LLAVA_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"]
LLAVA_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\n{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def learn_tokenizer(corpus, vocabulary, special, end, chat):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, use_regex=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus, trainer)
    names = {"eos_token": end, "pad_token": special[0], "additional_special_tokens": special}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=chat, padding_side="left", **names)


def text_config(tokenizer, **more):
    """The decoder; the same for all families, as far as they agree on names."""
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    ends = {"bos_token_id": 0, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    return {**sizes, **ends, "vocab_size": len(tokenizer), "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, **more}


def qwen(tokenizer, config_class, processor_class, video_class, vision, text, image):
    ids = tokenizer.convert_tokens_to_ids
    config = config_class(
        text_config=text_config(tokenizer, **text), vision_config=vision, image_token_id=ids("<|image_pad|>"), video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"), vision_end_token_id=ids("<|vision_end|>"), tie_word_embeddings=False,
    )  # fmt: skip
    images = Qwen2VLImageProcessorPil(temporal_patch_size=2, merge_size=2, **image)
    return config, processor_class(images, tokenizer, video_class(), chat_template=tokenizer.chat_template)


def qwen2_vl(tokenizer):
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2}
    text = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}}
    image = {"patch_size": 14, "min_pixels": 3136, "max_pixels": 50176}
    return qwen(tokenizer, Qwen2VLConfig, Qwen2VLProcessor, Qwen2VLVideoProcessor, vision, text, image)


def qwen2_5_vl(tokenizer):
    vision = {"depth": 3, "hidden_size": 32, "out_hidden_size": 64, "num_heads": 2, "intermediate_size": 64, "fullatt_block_indexes": [1]}
    text = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}}
    image = {"patch_size": 14, "min_pixels": 3136, "max_pixels": 100352}
    return qwen(tokenizer, Qwen2_5_VLConfig, Qwen2_5_VLProcessor, Qwen2VLVideoProcessor, vision, text, image)


def qwen3_vl(tokenizer):
    """With DeepStack features of zeros, as no export of the Hub's layout hands them to its decoder."""
    vision = {
        "depth": 2, "hidden_size": 32, "out_hidden_size": 64, "num_heads": 2, "intermediate_size": 64, "patch_size": 16,
        "num_position_embeddings": 64, "deepstack_visual_indexes": [0],
    }  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [3, 3, 2], "mrope_interleaved": True}
    image = {"patch_size": 16, "size": {"shortest_edge": 4096, "longest_edge": 65536}, "image_mean": HALF, "image_std": HALF}
    return qwen(tokenizer, Qwen3VLConfig, Qwen3VLProcessor, Qwen3VLVideoProcessor, vision, {"head_dim": 16, "rope_parameters": rope}, image)


def idefics(tokenizer, config_class, processor_class, images, *videos):
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 64, "patch_size": 8}
    text = text_config(tokenizer, model_type="llama", head_dim=16, rope_parameters={"rope_type": "default", "rope_theta": 1e5})
    config = config_class(text_config=text, vision_config=vision, image_token_id=tokenizer.convert_tokens_to_ids("<image>"), scale_factor=2, tie_word_embeddings=False)
    return config, processor_class(images, tokenizer, *videos, image_seq_len=16, chat_template=tokenizer.chat_template)


def idefics3(tokenizer):
    images = Idefics3ImageProcessorPil(size={"longest_edge": 192}, max_image_size={"longest_edge": 64})
    return idefics(tokenizer, Idefics3Config, Idefics3Processor, images)


def smolvlm(tokenizer):
    images = SmolVLMImageProcessorPil(size={"longest_edge": 128}, max_image_size={"longest_edge": 64})
    return idefics(tokenizer, SmolVLMConfig, SmolVLMProcessor, images, SmolVLMVideoProcessor())


def llava(tokenizer):
    """CLIP and Llama, as LLaVA 1.5."""
    vision = {"model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 56, "patch_size": 14}
    text = text_config(tokenizer, model_type="llama", head_dim=16)
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=tokenizer.convert_tokens_to_ids("<image>"), image_seq_length=16)
    images = CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    sizes = {"patch_size": 14, "num_additional_image_tokens": 1, "vision_feature_select_strategy": "default"}
    return config, LlavaProcessor(images, tokenizer, chat_template=tokenizer.chat_template, **sizes)


def llava_onevision(tokenizer):
    """SigLIP and Qwen2."""
    ids = tokenizer.convert_tokens_to_ids
    vision = {"model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14, "vision_use_head": False}
    text = text_config(tokenizer, model_type="qwen2")
    places = [[56, 56], [56, 112], [112, 56], [112, 112]]
    config = LlavaOnevisionConfig(vision_config=vision, text_config=text, image_token_index=ids("<image>"), video_token_index=ids("<video>"), image_grid_pinpoints=places)
    images = LlavaOnevisionImageProcessorPil(size={"height": 56, "width": 56}, image_grid_pinpoints=places)
    more = {"num_image_tokens": 16, "vision_feature_select_strategy": "full", "chat_template": tokenizer.chat_template}
    return config, LlavaOnevisionProcessor(images, tokenizer, LlavaOnevisionVideoProcessor(), **more)


QWEN_TEXT = (QWEN_TOKENS, "<|im_end|>", QWEN_CHAT)
IDEFICS_TEXT = (IDEFICS_TOKENS, "<end_of_utterance>", IDEFICS_CHAT)
LLAVA_TEXT = (LLAVA_TOKENS, "<|im_end|>", LLAVA_CHAT)
FAMILIES = {
    "qwen2_vl": (qwen2_vl, QWEN_TEXT),
    "qwen2_5_vl": (qwen2_5_vl, QWEN_TEXT),
    "qwen3_vl": (qwen3_vl, QWEN_TEXT),
    "idefics3": (idefics3, IDEFICS_TEXT),
    "smolvlm": (smolvlm, IDEFICS_TEXT),
    "llava": (llava, LLAVA_TEXT),
    "llava_onevision": (llava_onevision, LLAVA_TEXT),
}


@torch.no_grad()
def scale_weights(model, tokenizer, seed):
    """Random weights large enough that logits differ clearly; the end token is written now and then, and no other
    special token or part of a letter, so that texts tell answers apart."""
    torch.manual_seed(seed)
    for name, weight in model.named_parameters():
        if "deepstack" in name:
            weight.zero_()
        elif weight.dim() < 2:
            weight.copy_(torch.randn_like(weight) * 0.1 + (1 if "norm" in name and name.endswith("weight") else 0))
        elif "embed" in name and "patch" not in name:
            weight.copy_(torch.randn_like(weight))
        else:
            weight.copy_(torch.randn_like(weight) * 1.4 / weight[0].numel() ** 0.5)
    end = tokenizer.eos_token_id
    for token in range(len(tokenizer)):
        text = tokenizer.decode([token])
        if token != end and (token in tokenizer.all_special_ids or not text.isprintable() or "\ufffd" in text):
            model.lm_head.weight[token] = 0
    model.lm_head.weight[end] *= 2.5


def tiny(family, corpus, vocabulary=VOCABULARY, shrink=lambda config: None, seed=11):
    """A model of the family and its processor; `shrink` may change its configuration."""
    make, text = FAMILIES[family]
    tokenizer = learn_tokenizer(corpus, vocabulary, *text)
    config, processor = make(tokenizer)
    shrink(config)
    torch.manual_seed(3)
    model = AutoModelForImageTextToText.from_config(config, attn_implementation="eager").eval()
    scale_weights(model, tokenizer, seed)
    model.generation_config.update(eos_token_id=tokenizer.eos_token_id, pad_token_id=0, do_sample=False)
    return model, processor
